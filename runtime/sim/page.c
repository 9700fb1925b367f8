#include "sim/page.h"

#include <string.h>

const kl_sim_page_file *kl_sim_page_find(const char *path) {
  for (const kl_sim_page_file *f = kl_sim_page_files; f->path; f++)
    if (!strcmp(f->path, path)) return f;
  return NULL;
}
