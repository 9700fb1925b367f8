/* The files of the page that the simulator serves at "/" and below "/sim/page/". */
#ifndef KL_SIM_PAGE_H
#define KL_SIM_PAGE_H

#include <stddef.h>

typedef struct kl_sim_page_file {
  const char *path; /* "/", "/sim/page/page.css" */
  const char *type; /* "text/html; charset=utf-8" */
  const char *data;
  size_t len;
} kl_sim_page_file;

/* Ends with a path NULL. Made at build time of what is in sim/page/. */
extern const kl_sim_page_file kl_sim_page_files[];

/* The file of a path; NULL when there is none. */
const kl_sim_page_file *kl_sim_page_find(const char *path);

#endif
