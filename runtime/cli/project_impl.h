/* The inside of project*.c. */
#ifndef KL_PROJECT_IMPL_H
#define KL_PROJECT_IMPL_H

#include "cli/project.h"

typedef struct kl_project_item {
  kl_strategy_options o;  /* texts and lists owned by the project */
  kl_limit_values risk;   /* of its orders */
  kl_count order_group;   /* contracts in 15 s; 0: not said */
  char where[256];        /* for errors: "DIR/kalua.lua: scripts[2]"; "" for what the command line named */
  kl_permissions by_file; /* what the project file allows */
} kl_project_item;

struct kl_project {
  kl_project_item *items;
  size_t n;
  kl_limit_values account_risk; /* of all project files together */
  kl_monitoring_ports ports;
  const char **files;
  size_t n_files;
  void **owned;
  size_t n_owned;
};

/* Frees `memory`, which may be NULL, with the project. NULL when that cannot be promised; then it is freed now. */
void *kl_project_keep(kl_project *p, void *memory);
/* A zeroed one at the end; NULL when memory is out. Valid until the next is added. */
kl_project_item *kl_project_add(kl_project *p);
/* Adds the scripts of the project file `path`, in folder `dir`. */
bool kl_project_read(kl_project *p, const char *path, const char *dir, kl_error *e);
/* dir/name, or name alone where it is absolute or dir is "."; owned by the project; NULL when memory is out. */
char *kl_project_path(kl_project *p, const char *dir, const char *name);

#endif
