/* The files of the page, which show nothing by themselves: what they ask for needs the token. */
#ifndef KL_MONITOR_PAGE_H
#define KL_MONITOR_PAGE_H

#include "monitor/monitor.h"

/* Serves the page at "/" and its files below "/page/". False when memory is out. */
bool kl_monitor_page(kl_monitor *m);

#endif
