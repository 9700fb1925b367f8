#include "auth/signer.h"

#include <stdlib.h>
#include <string.h>

struct kl_sign_job {
  uv_work_t work;
  kl_key *key;   /* retained */
  kl_sign_cb cb; /* NULL once cancelled */
  void *data;
  bool ok;
  kl_error error;
  char signature[KL_SIGNATURE_MAX];
  size_t length;
  char text[]; /* what is signed */
};

static void sign(uv_work_t *work) {
  kl_sign_job *job = work->data;
  job->ok = kl_key_sign(job->key, job->text, job->length, job->signature, &job->error);
}

/* On the loop, once for every job: signed, or taken out of the queue by kl_sign_cancel. */
static void finish(uv_work_t *work, int status) {
  kl_sign_job *job = work->data;
  (void)status;
  kl_key_release(job->key);
  if (job->cb) job->cb(job->data, job->ok ? job->signature : NULL, job->ok ? NULL : &job->error);
  free(job);
}

kl_sign_job *kl_sign_start(uv_loop_t *loop, kl_key *key, int64_t timestamp_ms, const char *method, const char *path,
                           kl_sign_cb cb, void *data) {
  enum { TIMESTAMP_MAX = 20 };
  size_t cap = TIMESTAMP_MAX + strlen(method) + strlen(path) + 1;
  kl_sign_job *job = calloc(1, sizeof *job + cap);
  if (!job) return NULL;
  job->work.data = job;
  job->cb = cb;
  job->data = data;
  job->length = kl_signed_text(job->text, cap, timestamp_ms, method, path);
  job->key = kl_key_retain(key);
  if (job->length == 0 || uv_queue_work(loop, &job->work, sign, finish) != 0) {
    kl_key_release(job->key);
    free(job);
    return NULL;
  }
  return job;
}

void kl_sign_cancel(kl_sign_job *job) {
  job->cb = NULL;
  /* Fails when a worker has it already; it ends in finish() either way. */
  (void)uv_cancel((uv_req_t *)&job->work);
}
