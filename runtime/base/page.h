/* The files of a page for a browser, which are in the program. */
#ifndef KL_PAGE_H
#define KL_PAGE_H

#include <stddef.h>

typedef struct kl_page_file {
  const char *path; /* "/", "/sim/page/page.css" */
  const char *type; /* "text/html; charset=utf-8" */
  const char *data;
  size_t len;
} kl_page_file;

/* Each ends with a path NULL. Made at build time by base/embed_page.lua of a folder and of base/page/, which all share.
 */
extern const kl_page_file kl_sim_page_files[]; /* sim/page/, at "/" and below "/sim/page/" */
extern const kl_page_file kl_web_page_files[]; /* monitor/page/, at "/" and below "/page/" */

/* The file of a path; NULL when there is none. */
const kl_page_file *kl_page_find(const kl_page_file *files, const char *path);

#endif
