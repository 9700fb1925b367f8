/* What the page of a running process shows, as JSON and as a stream of server-sent events; docs/web.md describes both.
 * It only looks: nothing is asked of the exchange for it, nothing is subscribed, and there is no request that changes
 * anything. */
#ifndef KL_WEB_VIEW_H
#define KL_WEB_VIEW_H

#include "cli/app_impl.h"
#include "monitor/monitor.h"

typedef struct kl_web_view kl_web_view;

/* Adds the page and its data to the server, and keeps samples of the profit from now on. Before the first script is
 * started, or its first fills are missing. Both are borrowed. False with `e` when memory is out. */
bool kl_web_view_open(kl_app *a, kl_monitor *m, kl_web_view **out, kl_error *e);
/* An account was opened: before anything is ordered there, or its first fills are missing. False: memory is out. */
bool kl_web_view_join(kl_web_view *v, const kl_app_account *x);
/* After kl_monitor_close, which ends the streams, and before the desk and the control are closed; the loop must run
 * once more. Takes NULL. */
void kl_web_view_close(kl_web_view *v);

#endif
