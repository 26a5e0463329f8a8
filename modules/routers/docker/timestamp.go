package docker

// secondLen is the length of "2006-01-02T15:04:05".
const secondLen = 19

// clock parses the times that the engine puts in front of messages (RFC 3339 with up to nine digits of a second's fraction, then
// a space). Lines come in runs of the same second, so it remembers the last one.
type clock struct {
	second [secondLen]byte
	unix   int64
}

// stamp is a parsed time.
type stamp struct {
	nanos int64 // since the epoch
	len   int   // in the text, with the space
	fine  bool  // it has a fraction: Docker's always does, Podman's never
}

// parse reads the time in front of b. ok is false when there is none.
func (c *clock) parse(b []byte) (s stamp, ok bool) {
	if len(b) < secondLen+2 {
		return stamp{}, false
	}
	if string(b[:secondLen]) != string(c.second[:]) {
		unix, ok := parseSecond(b[:secondLen])
		if !ok {
			return stamp{}, false
		}
		copy(c.second[:], b)
		c.unix = unix
	}
	i, fraction := secondLen, int64(0)
	if b[i] == '.' {
		s.fine = true
		i++
		digits := 0
		for ; i < len(b) && b[i]-'0' < 10; i++ {
			if digits < 9 {
				fraction = fraction*10 + int64(b[i]-'0')
				digits++
			}
		}
		if digits == 0 {
			return stamp{}, false
		}
		for ; digits < 9; digits++ {
			fraction *= 10
		}
	}
	offset, n, ok := parseZone(b[i:])
	if !ok {
		return stamp{}, false
	}
	i += n
	if i >= len(b) || b[i] != ' ' {
		return stamp{}, false
	}
	s.nanos = (c.unix-offset)*1e9 + fraction
	s.len = i + 1
	return s, true
}

// parseZone reads "Z" or "+01:00": the seconds east of UTC and the length.
func parseZone(b []byte) (offset int64, n int, ok bool) {
	if len(b) > 0 && b[0] == 'Z' {
		return 0, 1, true
	}
	if len(b) < 6 || b[0] != '+' && b[0] != '-' || b[3] != ':' {
		return 0, 0, false
	}
	h, okH := twoDigits(b[1:])
	m, okM := twoDigits(b[4:])
	if !okH || !okM || h > 23 || m > 59 {
		return 0, 0, false
	}
	offset = int64(h*3600 + m*60)
	if b[0] == '-' {
		offset = -offset
	}
	return offset, 6, true
}

// parseSecond reads "2006-01-02T15:04:05" of a year from 1970 to 2261, as far as nanoseconds since the epoch go.
func parseSecond(b []byte) (unix int64, ok bool) {
	if b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	century, ok0 := twoDigits(b)
	yy, ok1 := twoDigits(b[2:])
	month, ok2 := twoDigits(b[5:])
	day, ok3 := twoDigits(b[8:])
	hour, ok4 := twoDigits(b[11:])
	minute, ok5 := twoDigits(b[14:])
	second, ok6 := twoDigits(b[17:])
	year := century*100 + yy
	digits := ok0 && ok1 && ok2 && ok3 && ok4 && ok5 && ok6
	if !digits || year < 1970 || year > 2261 ||
		month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	return days(year, month, day)*86400 + int64(hour*3600+minute*60+second), true
}

// days counts the days from the epoch to a date of the Gregorian calendar. The year begins in March, so that a leap day is its last.
func days(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468)
}

func twoDigits(b []byte) (int, bool) {
	hi, lo := b[0]-'0', b[1]-'0'
	return int(hi)*10 + int(lo), hi < 10 && lo < 10
}
