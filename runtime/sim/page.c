#include "sim/page.h"

#include <string.h>

static const kl_sim_page_file files[] = {{NULL, NULL, NULL, 0}};

const kl_sim_page_file *kl_sim_page_find(const char *path) {
  for (const kl_sim_page_file *f = files; f->path; f++)
    if (!strcmp(f->path, path)) return f;
  return NULL;
}
