/* Commands whose body is an embedded Lua module. */
#ifndef KL_TOOL_H
#define KL_TOOL_H

#include "cli/app.h"

/* Opens the app, runs the module with `args` (NULL-terminated) as kalua.args for at most `seconds` (0: no limit),
 * closes. With `summary` it is a strategy: it ends with one, and its errors have tracebacks. Returns the exit code. */
int kl_tool_run(const kl_connect_options *o, const char *module, const char *name, char *const *args, double seconds,
                bool summary);
/* Standard output is a terminal that can be drawn on: not TERM=dumb. */
bool kl_tool_terminal(void);
/* Colours are wanted where there is a terminal: not with NO_COLOR or TERM=dumb. */
bool kl_tool_colour(void);

/* Columns of the terminal, else those that COLUMNS says, else 80. */
int kl_tool_width(void);

#endif
