/* What systemd is told of this process, as sd_notify(3) describes it: a datagram to the socket of $NOTIFY_SOCKET, and a
 * sign of life for its watchdog from the event loop, so that a loop that hangs is noticed. */
#ifndef KL_NOTIFY_H
#define KL_NOTIFY_H

#include <uv.h>

typedef struct kl_notifier kl_notifier;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment, for they are no business
 * of scripts and of what they start. NULL when nobody wants to be told; all calls take it and do nothing. */
kl_notifier *kl_notifier_open(uv_loop_t *loop);
/* The start is over; from now on there is a sign of life at half of the watchdog's time. */
void kl_notifier_ready(kl_notifier *n);
/* A reload begins; kl_notifier_ready ends it. */
void kl_notifier_reloading(kl_notifier *n);
/* Said once. */
void kl_notifier_stopping(kl_notifier *n);
/* One line for `systemctl status`; line ends become blanks. */
void kl_notifier_status(kl_notifier *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Frees itself when the loop has closed its handle. */
void kl_notifier_close(kl_notifier *n);

#endif
