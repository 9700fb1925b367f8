/* Which strategies `kalua run` runs, each with its arguments, permissions and limits: from scripts that are named, from
 * folders, and from project files (kalua.lua), which docs/running.md describes. */
#ifndef KL_PROJECT_H
#define KL_PROJECT_H

#include "script/strategy.h"
#include "trading/risk.h"

typedef struct kl_project kl_project;

/* Where the process can be looked at (cli/monitoring.h); -1: not at all, 0: at any port that is free. */
typedef struct kl_monitoring_ports {
  int metrics, web;
} kl_monitoring_ports;

/* What the command line says for all scripts. */
typedef struct kl_project_flags {
  /* 0 and NULL where nothing is said. What is said wins over project files; permissions and arguments are added to
   * theirs; `watch` false turns watching off everywhere. */
  kl_strategy_options all;
  bool on_failure; /* all.on_failure is said */
} kl_project_flags;

/* The strategies of the paths, in their order: a script is itself, a folder stands for its kalua.lua or, without one,
 * for all its *.lua files by name, without those of folders in it. Every strategy has a path and a name of its own.
 * Fails with `e` of kind "config" for what a project file says wrongly, naming file, entry and key. */
bool kl_project_load(const char *const *paths, size_t n, const kl_project_flags *flags, kl_project **out, kl_error *e);
void kl_project_free(kl_project *p); /* takes NULL */
size_t kl_project_count(const kl_project *p);
/* Borrowed until kl_project_free. */
const kl_strategy_options *kl_project_get(const kl_project *p, size_t i);
/* The risk limits of a strategy, as its project file has them; of the account, the tightest of all project files. */
const kl_limit_values *kl_project_risk(const kl_project *p, size_t i);
/* The contracts of its order group; 0: not said. */
kl_count kl_project_order_group(const kl_project *p, size_t i);
const kl_limit_values *kl_project_account_risk(const kl_project *p);
/* As the project files have it. */
kl_monitoring_ports kl_project_ports(const kl_project *p);
/* The project files that were read. */
size_t kl_project_files(const kl_project *p, const char *const **out);
/* Logs what project files allow their scripts: whoever starts a folder of somebody else's shall see it. */
void kl_project_log_permissions(const kl_project *p);

#endif
