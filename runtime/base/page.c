#include "base/page.h"

#include <string.h>

const kl_page_file *kl_page_find(const kl_page_file *files, const char *path) {
  for (const kl_page_file *f = files; f->path; f++)
    if (!strcmp(f->path, path)) return f;
  return NULL;
}
