/* Which processes of this user run scripts, and what the scripts are called: a file and a socket for each process in
 * the folder of running processes (base/runtime_folder.h). */
#ifndef KL_CONTROL_LISTING_H
#define KL_CONTROL_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { KL_LISTED_NAME = 256 };

/* ---- of a process that runs ---- */

/* An account that a process trades on, for who has to cancel its orders when it no longer can. Nothing of it is a
 * secret: of the key only where its file is. NULL: unknown. */
typedef struct kl_listed_account {
  const char *env, *rest_url, *ca_file, *key_id, *key_path;
  const char *profile;  /* what kalshi.connect calls it; NULL: the account of the command */
  const char *settings; /* the file of settings in which the key itself is; NULL: it is not in one */
} kl_listed_account;

typedef struct kl_listing kl_listing;
/* Opens the folder. False with `e`. */
bool kl_listing_open(kl_listing **out, kl_error *e);
/* Lists this process, once its socket is there. False with `e`. */
bool kl_listing_publish(kl_listing *l, kl_error *e);
/* One more, from the next kl_listing_publish on; the texts are copied. False when memory is out. */
bool kl_listing_account(kl_listing *l, const kl_listed_account *a);
/* Whether both are there still: folders of running processes are removed when a user logs out, or tidied. */
bool kl_listing_in_place(const kl_listing *l);
/* Opens the folder again, or a new one in its place; then comes the socket, then kl_listing_publish, which lists the
 * names too. False with `e`. */
bool kl_listing_reopen(kl_listing *l, kl_error *e);
/* Takes the file and the socket away. Takes NULL. */
void kl_listing_close(kl_listing *l);
int kl_listing_folder(const kl_listing *l);         /* its descriptor */
const char *kl_listing_path(const kl_listing *l);   /* of the folder */
const char *kl_listing_socket(const kl_listing *l); /* the name that its socket has there */
/* Takes the first of NAME, NAME-2, NAME-3 and so on that no script of a process of this user has, this one included.
 * Bytes that would disturb a terminal, and '/', become '_'. False with `e`, where it could not be listed; `out` then
 * has the name nonetheless. */
bool kl_listing_name(kl_listing *l, const char *wanted, char out[KL_LISTED_NAME], kl_error *e);

/* The address of a socket in the folder, whose descriptor must stay open while it is used. False where it is too long.
 */
struct sockaddr_un;
bool kl_listing_address(struct sockaddr_un *out, int folder, const char *path, const char *name);

/* ---- of those who look for one ---- */

typedef struct kl_listed {
  int64_t pid, started_ms;
  char *socket; /* its name in the folder */
  char **names;
  size_t n_names;
  kl_listed_account *accounts; /* owned, with their texts */
  size_t n_accounts;
} kl_listed;
/* Those that run, the oldest first. What killed processes left behind is removed. *out is owned: kl_listed_free. False
 * with `e`. */
bool kl_listed_all(kl_listed **out, size_t *n, kl_error *e);
void kl_listed_free(kl_listed *all, size_t n);

#endif
