/* The log: one line per event, to stderr or a file, human or JSON. Safe from any thread. A full disk or a closed pipe
 * never stops the process, and neither does a reader that does not read: what could not be written is counted and said
 * once writing works again. */
#ifndef KL_LOG_H
#define KL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

typedef enum { KL_LOG_ERROR, KL_LOG_WARN, KL_LOG_INFO, KL_LOG_DEBUG, KL_LOG_TRACE } kl_log_level;

/* Configures the process's log. `path` NULL means stderr. False with errno when the file cannot be opened. */
bool kl_log_open(kl_log_level level, bool json, const char *path);
void kl_log_close(void);
bool kl_log_level_parse(const char *name, kl_log_level *out); /* "error" "warn" "info" "debug" "trace" */
bool kl_log_enabled(kl_log_level level);
void kl_log_set_level(kl_log_level level);
/* Standard error has lines of --log-json, and nothing else should go there. */
bool kl_log_has_stderr(void);
/* Lines that could not be written so far. */
uint64_t kl_log_lost(void);

/* `source` names who speaks: "feed", "sim", a script's name. Messages are one line; newlines are escaped. */
void kl_log_write(kl_log_level level, const char *source, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with members that --log-json adds to the line, as JSON text: `,"operation":"create_order","status":429`.
 * They are taken. People see the message alone. */
void kl_log_write_with(kl_log_level level, const char *source, kl_buf members, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Appends such a member; nothing for a text that is NULL or empty. Names are fixed words. */
void kl_log_text(kl_buf *members, const char *name, const char *value);
void kl_log_number(kl_buf *members, const char *name, double value); /* null where it is not finite */
/* What an error says beside its message: kind, code, operation, status. */
kl_buf kl_log_of_error(const kl_error *e);

/* To standard error as it is, for who started the program; what ends it ends with a newline. Where --log-json goes
 * there too, each line becomes one of the log, of source "kalua". Waits for no reader, as the log does not; what a
 * reader of standard error does not take is lost. */
void kl_stderr_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A text that must never appear in the log (a key id's secret, a passphrase) is replaced by "[secret]".
 * `s` is copied; at most 16 are kept, each 8 bytes or longer. */
void kl_log_redact(const char *s);

/* Appends a text so that nothing in it moves the cursor or starts a new line, as in the log for people. */
void kl_log_escape(kl_buf *b, const char *s, size_t n);

/* Lines have the time of this clock, which stays with its owner; NULL: the system's. */
void kl_log_set_clock(const kl_clock *clock);

/* Gives every line that is written from now on, without its secrets, to `tap` too, also where writing it fails; NULL
 * ends that. `tap` is called from any thread, one line at a time; it may not log, and must be quick. The text is
 * borrowed and not terminated. */
typedef void kl_log_tap_fn(void *data, kl_log_level level, const char *source, const char *text, size_t n);
void kl_log_tap(kl_log_tap_fn *tap, void *data);
const char *kl_log_level_name(kl_log_level level); /* static: "error" "warn" "info" "debug" "trace" */

#define kl_log_error(src, ...) kl_log_write(KL_LOG_ERROR, src, __VA_ARGS__)
#define kl_log_warn(src, ...) kl_log_write(KL_LOG_WARN, src, __VA_ARGS__)
#define kl_log_info(src, ...) kl_log_write(KL_LOG_INFO, src, __VA_ARGS__)
#define kl_log_debug(src, ...) kl_log_write(KL_LOG_DEBUG, src, __VA_ARGS__)

#endif
