/* kalua doctor: looks at the set-up from the outside in, and says what to do about what is wrong. */
#include <curl/curl.h>
#include <libwebsockets.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "cli/app.h"

static void versions(void) {
  printf("ok    kalua %s (%s, libuv %s, libcurl %s, OpenSSL %s, libwebsockets %s)\n", KL_VERSION, LUA_RELEASE,
         uv_version_string(), curl_version_info(CURLVERSION_NOW)->version, OpenSSL_version(OPENSSL_VERSION_STRING),
         lws_get_library_version());
}

/* One call with a short deadline. A script's call would go on trying for half a minute before it says what is wrong. */
enum { REACH_MS = 6000 };

typedef struct reach {
  bool done;
  kl_error error; /* no kind: there was an answer */
} reach;

static void reached(void *data, const kl_http_response *res, const kl_error *e) {
  reach *r = data;
  (void)res;
  r->done = true;
  if (e) r->error = *e;
}

/* KL_EXIT_OK, or the code to end with after what is wrong was printed. An answer of any kind is left to the script. */
static int reach_exchange(kl_app *app) {
  const kl_operation *op = kl_operation_find("get_exchange_status");
  kl_call_request request = {.op = op, .path = op->path, .query = "", .timeout_ms = REACH_MS};
  reach r = {0};
  if (kl_session_call(kl_app_session(app), &request, reached, &r, &r.error)) {
    while (!r.done)
      uv_run(kl_app_loop(app), UV_RUN_ONCE);
  }
  if (!r.error.kind || r.error.status) return KL_EXIT_OK;
  printf("wrong REST: %s\n", r.error.message);
  return kl_exit_code_of(r.error.kind);
}

int kl_command_doctor(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua doctor\n\n"
      "Checks configuration, key, clock, REST and WebSocket of the chosen environment, and says\n"
      "what to do about what is wrong.\n";
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.log_default = "error";
  int code = kl_opts_parse("doctor", usage, (const kl_opt *const[]){connect, NULL}, argc, argv, NULL, NULL);
  kl_app *app = NULL;
  kl_error e = {0};
  if (code < 0) {
    versions();
    if (!kl_app_open(&o, KL_VERSION, &app, &e)) {
      printf("wrong %s\n", e.message);
      code = kl_exit_code_of(e.kind);
    }
  }
  if (app) {
    printf("ok    environment %s: %s, %s\n", kl_app_env(app), kl_app_rest_url(app), kl_app_ws_url(app));
    const char *origin = kl_app_key_origin(app);
    if (origin) {
      printf("ok    key from %s\n", origin);
    } else {
      puts("note  no key: public data only, no feed; set KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH");
    }
    fflush(stdout);
    const char *const args[] = {origin ? "key" : "", NULL};
    int status = reach_exchange(app);
    kl_app_tool_errors(app, true);
    if (status != KL_EXIT_OK) {
      code = status;
    } else if (kl_app_start(app, NULL, "cli.doctor", "doctor", (char *const *)args, &e)) {
      code = kl_app_run(app, 0);
    } else {
      code = kl_cli_fail(&e);
      kl_app_abandon(app);
    }
    kl_app_close(app);
  }
  kl_connect_options_free(&o);
  return code;
}
