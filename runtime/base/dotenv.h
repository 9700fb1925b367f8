/* Reading the text of a `.env` file: KEY=VALUE lines, an optional `export ` before them, `#` comments, LF or CRLF, a
 * byte order mark. A value is bare (blanks around it and a comment after a blank are cut), in single quotes (taken as
 * it stands) or in double quotes (\n \t \" \\ are escapes, any other escape an error). Quoted values may span lines;
 * CRLF in them becomes LF. Nothing is interpolated. */
#ifndef KL_DOTENV_H
#define KL_DOTENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Calls `each` for every assignment of the n bytes of text, in order; a key may come twice. Key and value are
 * NUL-terminated and valid during the call; the parser's copy is wiped afterwards. What is no assignment, blank line
 * or comment is an error of kind "config" that names the line and never shows its content, since that may be a secret;
 * the assignments before it were delivered. When `each` returns false the parse stops with an error of kind
 * "internal". */
bool kl_dotenv_parse(const char *text, size_t n, bool (*each)(void *data, const char *key, const char *value),
                     void *data, kl_error *e);

#endif
