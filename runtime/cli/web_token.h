/* The token of the page (--web): a file of this user alone, which stays, so that a bookmark does. */
#ifndef KL_WEB_TOKEN_H
#define KL_WEB_TOKEN_H

#include <stdbool.h>

#include "base/error.h"

enum { KL_WEB_TOKEN_SIZE = 65 }; /* 64 hex digits, and the NUL */

/* Reads $XDG_STATE_HOME/kalua/web-token, which is made where it is not there: 256 bits from OpenSSL, mode 0600. False
 * with `e` (kind "config"), which says what to do, where others can read it or it is damaged. */
bool kl_web_token_get(char out[KL_WEB_TOKEN_SIZE], kl_error *e);

#endif
