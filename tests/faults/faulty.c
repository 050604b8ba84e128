/* Makes the n-th write or synchronisation below a folder fail: preloaded into the process under test.
 *
 * FAULTY_BELOW   files whose path begins with this count
 * FAULTY_NTH     which operation fails, from 1; 0 for none
 * FAULTY_MODE    eio: that one fails with EIO; enospc: that one and all later writes fail with ENOSPC; short: half of it is written
 *                and ENOSPC given for the rest; torn: half of it is written and the process is killed; kill: it is killed before it
 * FAULTY_LOG     one letter per operation: w write, s synchronise, t truncate
 *
 * Counted: write, pwrite(64), fsync, fdatasync, ftruncate(64). Memory maps are not, and SQLite keeps nothing durable in one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum mode { EIO_ONCE, FULL, SHORT, TORN, KILL };

static const char *below;
static size_t below_length;
static long nth;
static enum mode mode;
static int log_fd = -1;
static atomic_long count;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_ftruncate64)(int, off64_t);

__attribute__((constructor)) static void begin(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  real_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
  real_ftruncate64 = dlsym(RTLD_NEXT, "ftruncate64");
  const char *text = getenv("FAULTY_NTH");
  nth = text ? atol(text) : 0;
  text = getenv("FAULTY_MODE");
  if (text && !strcmp(text, "enospc")) mode = FULL;
  if (text && !strcmp(text, "short")) mode = SHORT;
  if (text && !strcmp(text, "torn")) mode = TORN;
  if (text && !strcmp(text, "kill")) mode = KILL;
  text = getenv("FAULTY_LOG");
  if (text) log_fd = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  below = getenv("FAULTY_BELOW");
  below_length = below ? strlen(below) : 0;
}

/* Whether the descriptor is a file that counts. */
static int counts(int fd) {
  if (!below_length) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  return length >= (ssize_t)below_length && !memcmp(path, below, below_length);
}

/* Whether this operation is the one; for a full disk, whether it is that one or a later write. */
static int struck(int fd, char letter) {
  int saved = errno;
  if (!counts(fd)) { errno = saved; return 0; }
  long at = atomic_fetch_add(&count, 1) + 1;
  if (log_fd >= 0) real_write(log_fd, &letter, 1);
  errno = saved;
  if (!nth) return 0;
  if (mode == FULL) return at >= nth && letter != 's';
  return at == nth;
}

static void die(void) { raise(SIGKILL); for (;;) pause(); }

static ssize_t failing(size_t length, ssize_t (*some)(void *, size_t), void *of) {
  switch (mode) {
  case EIO_ONCE: errno = EIO; return -1;
  case FULL: errno = ENOSPC; return -1;
  case SHORT: if (length < 2) { errno = ENOSPC; return -1; } return some(of, length / 2);
  case TORN: if (length >= 2) some(of, length / 2); die(); break;
  case KILL: die(); break;
  }
  return -1;
}

struct at { int fd; const void *bytes; off64_t offset; int positioned; };

static ssize_t some(void *of, size_t length) {
  struct at *it = of;
  return it->positioned ? real_pwrite64(it->fd, it->bytes, length, it->offset) : real_write(it->fd, it->bytes, length);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (!real_write) begin();
  if (!struck(fd, 'w')) return real_write(fd, bytes, length);
  struct at it = {fd, bytes, 0, 0};
  return failing(length, some, &it);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  if (!struck(fd, 'w')) return real_pwrite64(fd, bytes, length, offset);
  struct at it = {fd, bytes, offset, 1};
  return failing(length, some, &it);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

static int failing_plain(void) {
  if (mode == TORN || mode == KILL) die();
  errno = mode == EIO_ONCE ? EIO : ENOSPC;
  return -1;
}

int fsync(int fd) { return struck(fd, 's') ? failing_plain() : real_fsync(fd); }
int fdatasync(int fd) { return struck(fd, 's') ? failing_plain() : real_fdatasync(fd); }
int ftruncate(int fd, off_t length) { return struck(fd, 't') ? failing_plain() : real_ftruncate(fd, length); }
int ftruncate64(int fd, off64_t length) { return struck(fd, 't') ? failing_plain() : real_ftruncate64(fd, length); }
