/* `kalua run --shadow NEW=OLD` and what can be asked of it: which scripts it means, the operations of the control
 * socket, the line in the summary. */
#ifndef KL_CLI_SHADOW_H
#define KL_CLI_SHADOW_H

#include "bindings/shadow.h"
#include "cli/app.h"
#include "cli/project.h"
#include "control/server.h"

/* Looks at the texts of --shadow. Where no script is named beside them and an OLD is a file, that becomes one of
 * `paths`. Returns -1 to go on, or an exit code after it said what is wrong. */
int kl_shadow_parse(const kl_text_list *shadows, kl_text_list *paths);
/* kl_project_load, with each OLD that is a file and no script of it yet added to `paths`. Each must be one script of
 * the project and have one shadow, and each NEW must compile: else false with `e`, of kind "usage" or "validation". */
bool kl_shadow_project(kl_text_list *paths, const kl_text_list *shadows, const kl_project_flags *flags,
                       kl_project **out, kl_error *e);
/* After the scripts of the project were started: each shadow, with the options of its OLD. */
bool kl_shadow_start_all(kl_app *a, const kl_project *p, const kl_text_list *shadows, kl_error *e);

/* For kl_control_add, with the kl_app as `data`:
 *
 *   shadow {name, n}    shadows: [{name, shadow, path, phase, failed, last_error, same, only_old, only_new, undecided,
 *                       left_out, differences: [{ts, who, operation, ticker, side, price, count}]}]. `name` is that of
 *                       the script or of its shadow; left out: all. The last n differences, 1,000 where it is left out;
 *                       `left_out` are those that were before them. Texts of a difference may be "".
 *   shadow_start {name, path}
 *                       starts the file as the shadow of that script, with its options and a copy of its state: shadow,
 *                       the name
 *   promote {name}      once it is decided: generation, ms. The shadow ends with it.
 */
extern const kl_control_op kl_shadow_ops[];
/* A line for each shadow, to stderr. */
void kl_shadow_summary(const kl_environment *env);

#endif
