package wholefile

import (
	"os"
	"syscall"
)

// reserve gives a file its space on disk before it is written, where the file system can. A file without it that replaces another one is
// written out by ext4 at the rename (auto_da_alloc), which takes as long as copying it: 8 ms for 11 MB.
func reserve(f *os.File, size int64) {
	const keepSize = 1 // FALLOC_FL_KEEP_SIZE: the file is as long as what is written
	if size <= 0 {
		return
	}
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = syscall.Fallocate(int(fd), keepSize, 0, size) })
	}
}
