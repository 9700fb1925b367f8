#include "auth/key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static char folder[] = "/tmp/kl_test_key.XXXXXX";
static const char text[] = "1795380241005GET/trade-api/v2/portfolio/balance";
enum { TEXT = sizeof text - 1 };

/* Runs a shell command in the folder; 0 when it succeeded. */
__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...) {
  char command[1024];
  int n = snprintf(command, sizeof command, "cd %s && exec >/dev/null 2>&1 && ", folder);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(command + n, sizeof command - (size_t)n, fmt, ap);
  va_end(ap);
  return system(command); /* NOLINT(cert-env33-c): fixed commands in a fresh folder */
}

static const char *in_folder(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static size_t read_file(const char *name, char *out, size_t cap) {
  FILE *f = fopen(in_folder(name), "rb");
  if (!f) fail_msg("%s: %s", in_folder(name), strerror(errno));
  size_t n = fread(out, 1, cap - 1, f);
  fclose(f);
  out[n] = 0;
  return n;
}

static void write_file(const char *name, const void *data, size_t n) {
  FILE *f = fopen(in_folder(name), "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

static int make_keys(void **state) {
  (void)state;
  static const char *const commands[] = {
      "openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa8.pem",
      "openssl rsa -in rsa8.pem -traditional -out rsa1.pem",
      "openssl pkcs8 -topk8 -in rsa8.pem -v2 aes256 -passout pass:sesame -out rsa8.enc.pem",
      "openssl rsa -in rsa8.pem -traditional -aes256 -passout pass:sesame -out rsa1.enc.pem",
      "openssl pkey -in rsa8.pem -pubout -out rsa.pub",
      "openssl rsa -in rsa8.pem -RSAPublicKey_out -out rsa1.pub",
      "openssl pkey -in rsa8.pem -outform DER -out rsa.der",
      "openssl genpkey -algorithm ed25519 -out ed.pem",
      "openssl pkcs8 -topk8 -in ed.pem -v2 aes256 -passout pass:sesame -out ed.enc.pem",
      "openssl pkey -in ed.pem -pubout -out ed.pub",
      "openssl pkey -in ed.pem -outform DER -out ed.der",
      "openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out short.pem",
      "openssl pkey -in short.pem -pubout -out short.pub",
      "openssl ecparam -name prime256v1 -genkey -out ec.pem",
      "openssl pkey -in ec.pem -out ec8.pem",
      "openssl pkey -in ec.pem -pubout -out ec.pub",
      "openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -out pss.pem",
      "openssl req -x509 -new -key rsa8.pem -subj /CN=x -out cert.pem",
      "cat cert.pem rsa.pub rsa8.pem > chain.pem",
      "(echo '# my key'; sed 's/$/\\r/' rsa8.pem) > crlf.pem",
      "chmod 600 *",
  };
  if (!mkdtemp(folder)) return -1;
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (run("%s", commands[i]) != 0) {
      print_error("failed: %s\n", commands[i]);
      return -1;
    }
  }
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  DIR *d = opendir(folder);
  if (!d) return -1;
  for (struct dirent *e; (e = readdir(d));) {
    if (e->d_name[0] != '.') remove(in_folder(e->d_name));
  }
  closedir(d);
  return rmdir(folder);
}

/* A person: answers from a list, and counts. */
typedef struct {
  const char *answers[4]; /* NULL: no answer */
  int asked;
  char prompts[2048];
} person;

static int answer(void *data, const char *prompt, char *out, size_t cap) {
  person *p = data;
  const char *a = p->answers[p->asked++];
  strncat(p->prompts, prompt, sizeof p->prompts - strlen(p->prompts) - 1);
  /* The wrong answer before this one was wiped. */
  for (size_t i = 0; p->asked > 1 && i < cap; i++)
    assert_int_equal(out[i], 0);
  if (!a) return -1;
  return snprintf(out, cap, "%s", a);
}

static kl_key *load(const char *name, const char *passphrase) {
  person p = {.answers = {passphrase, passphrase, passphrase}};
  kl_error e = {0};
  kl_key *k = NULL;
  if (!kl_key_load_file(in_folder(name), answer, &p, &k, &e)) fail_msg("%s", e.message);
  assert_int_equal(p.asked, passphrase ? 1 : 0);
  return k;
}

static kl_public_key *load_public(const char *name) {
  char pem[4096];
  kl_error e = {0};
  kl_public_key *k = NULL;
  size_t n = read_file(name, pem, sizeof pem);
  if (!kl_public_key_load_pem(pem, n, &k, &e)) fail_msg("%s: %s", name, e.message);
  return k;
}

/* Has the openssl command verify our signature. */
static bool openssl_accepts(const char *signature, bool rsa) {
  write_file("sig.b64", signature, strlen(signature));
  write_file("text", text, TEXT);
  assert_int_equal(run("openssl base64 -d -A -in sig.b64 -out sig"), 0);
  return (rsa ? run("openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt "
                    "rsa_mgf1_md:sha256 -verify rsa.pub -signature sig text")
              : run("openssl pkeyutl -verify -pubin -inkey ed.pub -rawin -in text -sigfile sig")) == 0;
}

static void every_format_signs_what_openssl_verifies(void **state) {
  (void)state;
  static const struct {
    const char *name, *passphrase, *type;
    int bits;
  } keys[] = {{"rsa8.pem", NULL, "RSA", 2048},         {"rsa1.pem", NULL, "RSA", 2048},
              {"rsa8.enc.pem", "sesame", "RSA", 2048}, {"rsa1.enc.pem", "sesame", "RSA", 2048},
              {"chain.pem", NULL, "RSA", 2048},        {"crlf.pem", NULL, "RSA", 2048},
              {"ed.pem", NULL, "Ed25519", 256},        {"ed.enc.pem", "sesame", "Ed25519", 256}};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    kl_key *k = load(keys[i].name, keys[i].passphrase);
    char signature[KL_SIGNATURE_MAX];
    kl_error e = {0};
    assert_string_equal(kl_key_type(k), keys[i].type);
    assert_int_equal(kl_key_bits(k), keys[i].bits);
    assert_true(kl_key_sign(k, text, TEXT, signature, &e));
    bool rsa = strcmp(keys[i].type, "RSA") == 0;
    assert_int_equal(strlen(signature), rsa ? 344 : 88);
    if (!openssl_accepts(signature, rsa)) fail_msg("openssl refuses the signature of %s", keys[i].name);
    kl_key_release(k);
  }
}

static void verifies_what_openssl_signed(void **state) {
  (void)state;
  static const struct {
    const char *public_name, *command;
  } cases[] = {{"rsa.pub", "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign "
                           "rsa8.pem -out sig text"},
               {"rsa1.pub", "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign "
                            "rsa8.pem -out sig text"},
               {"ed.pub", "openssl pkeyutl -sign -inkey ed.pem -rawin -in text -out sig"}};
  write_file("text", text, TEXT);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char signature[KL_SIGNATURE_MAX];
    assert_int_equal(run("%s && openssl base64 -A -in sig -out sig.b64", cases[i].command), 0);
    read_file("sig.b64", signature, sizeof signature);
    kl_public_key *k = load_public(cases[i].public_name);
    assert_true(kl_public_key_verify(k, text, TEXT, signature));
    assert_false(kl_public_key_verify(k, text, TEXT - 1, signature));
    kl_public_key_release(k);
  }
}

static void refuses_other_paddings_and_salts(void **state) {
  (void)state;
  static const char *const options[] = {
      "-sigopt rsa_padding_mode:pkcs1",
      "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20",
      "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max",
      "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha512",
  };
  kl_public_key *k = load_public("rsa.pub");
  write_file("text", text, TEXT);
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
    char signature[KL_SIGNATURE_MAX];
    assert_int_equal(run("openssl dgst -sha256 %s -sign rsa8.pem -out sig text", options[i]), 0);
    assert_int_equal(run("openssl base64 -A -in sig -out sig.b64"), 0);
    read_file("sig.b64", signature, sizeof signature);
    if (kl_public_key_verify(k, text, TEXT, signature)) fail_msg("accepted %s", options[i]);
  }
  kl_public_key_release(k);
}

static void a_changed_signature_or_text_does_not_verify(void **state) {
  (void)state;
  static const char *const names[][2] = {{"rsa8.pem", "rsa.pub"}, {"ed.pem", "ed.pub"}};
  for (int i = 0; i < 2; i++) {
    kl_key *key = load(names[i][0], NULL);
    kl_public_key *of_key = kl_public_key_of(key), *from_file = load_public(names[i][1]);
    kl_public_key *other = load_public(names[1 - i][1]);
    char signature[KL_SIGNATURE_MAX], changed[KL_SIGNATURE_MAX + 8];
    kl_error e = {0};
    assert_non_null(of_key);
    assert_true(kl_key_sign(key, text, TEXT, signature, &e));
    kl_key_release(key); /* the public half lives on its own */
    assert_true(kl_public_key_verify(of_key, text, TEXT, signature));
    assert_true(kl_public_key_verify(from_file, text, TEXT, signature));
    assert_false(kl_public_key_verify(other, text, TEXT, signature));
    assert_false(kl_public_key_verify(of_key, "x", 1, signature));
    size_t n = strlen(signature);
    for (size_t at = 0; at < n - 2; at += 7) {
      snprintf(changed, sizeof changed, "%s", signature);
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      assert_false(kl_public_key_verify(of_key, text, TEXT, changed));
    }
    /* The same bytes spelled in any other way are refused: base64 is strict. */
    static const char *const tails[] = {"\n", "=", "A", "====", " ", "AAAA"};
    for (size_t t = 0; t < sizeof tails / sizeof tails[0]; t++) {
      snprintf(changed, sizeof changed, "%s%s", signature, tails[t]);
      assert_false(kl_public_key_verify(of_key, text, TEXT, changed));
    }
    snprintf(changed, sizeof changed, " %s", signature);
    assert_false(kl_public_key_verify(of_key, text, TEXT, changed));
    for (size_t cut = 1; cut <= 4; cut++) {
      snprintf(changed, sizeof changed, "%s", signature);
      changed[n - cut] = 0;
      assert_false(kl_public_key_verify(of_key, text, TEXT, changed));
    }
    snprintf(changed, sizeof changed, "%s", signature);
    assert_int_equal(changed[n - 1], '=');
    changed[n - 3]++; /* both lengths leave spare bits in the last digit: they must be zero */
    if (changed[n - 2] != '=') changed[n - 3]--, changed[n - 2]++;
    assert_false(kl_public_key_verify(of_key, text, TEXT, changed));
    assert_false(kl_public_key_verify(of_key, text, TEXT, ""));
    assert_false(kl_public_key_verify(of_key, text, TEXT, "===="));
    kl_public_key_release(of_key);
    kl_public_key_release(from_file);
    kl_public_key_release(other);
  }
  kl_public_key_release(NULL);
}

static void expect_refused(const char *name, kl_passphrase_fn ask, person *p, const char *part) {
  kl_error e = {0};
  kl_key *k = NULL;
  if (kl_key_load_file(in_folder(name), ask, p, &k, &e)) fail_msg("loaded %s", name);
  assert_null(k);
  assert_string_equal(e.kind, "config");
  assert_false(e.retryable);
  if (strncmp(e.message, in_folder(name), strlen(in_folder(name))) != 0) fail_msg("names no file: %s", e.message);
  if (!strstr(e.message, part)) fail_msg("%s: expected \"%s\" in: %s", name, part, e.message);
  if (strstr(e.message, "error:") || strstr(e.message, "MII")) fail_msg("says too much: %s", e.message);
}

static void each_way_to_fail_has_its_message(void **state) {
  (void)state;
  static char big[64 * 1024 + 1];
  memset(big, 'x', sizeof big);
  write_file("big", big, sizeof big);
  write_file("empty", "", 0);
  write_file("blank", " \r\n\t", 4);
  write_file("noise", "this is no key", 14);
  write_file("zeros", "\0\0\0\0", 4);
  write_file("begin", "-----BEGIN private key-----\nMIIsecret\n", 38);
  write_file("csr", "-----BEGIN CERTIFICATE REQUEST-----\nMIIx\n-----END CERTIFICATE REQUEST-----\n", 76);
  write_file("cut", "-----BEGIN PRIVATE KEY-----\nMIIx\n", 33);
  write_file("broken", "-----BEGIN PRIVATE KEY-----\nMIIx\n-----END PRIVATE KEY-----\n", 59);
  write_file("ssh", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", 76);
  assert_int_equal(run("tr -d '\\n' < rsa8.pem > oneline"), 0);
  expect_refused("nothing", NULL, NULL, "no such file; name the private key file with --key");
  expect_refused("rsa8.pem/x", NULL, NULL, "no such file");
  expect_refused(".", NULL, NULL, "a folder, not a private key");
  expect_refused("empty", NULL, NULL, "there is nothing in it");
  expect_refused("blank", NULL, NULL, "there is nothing in it");
  expect_refused("noise", NULL, NULL, "not a PEM key");
  expect_refused("zeros", NULL, NULL, "not a PEM key");
  expect_refused("begin", NULL, NULL, "not a PEM key");
  expect_refused("rsa.der", NULL, NULL, "binary (DER), not PEM; convert it: openssl pkey");
  expect_refused("ed.der", NULL, NULL, "binary (DER)");
  expect_refused("rsa.pub", NULL, NULL, "a public key; requests are signed with the private key");
  expect_refused("rsa1.pub", NULL, NULL, "a public key;");
  expect_refused("cert.pem", NULL, NULL, "a certificate;");
  expect_refused("csr", NULL, NULL, "holds a CERTIFICATE REQUEST, not a private key");
  expect_refused("ssh", NULL, NULL, "an OpenSSH key");
  expect_refused("cut", NULL, NULL, "cut off, its -----END line is missing");
  expect_refused("broken", NULL, NULL, "cannot be decoded");
  expect_refused("oneline", NULL, NULL, "lost its line breaks");
  expect_refused("ec.pem", NULL, NULL, "the type of this key is EC; Kalshi takes RSA keys of 2048 bits");
  expect_refused("ec8.pem", NULL, NULL, "the type of this key is EC;");
  expect_refused("pss.pem", NULL, NULL, "the type of this key is RSA-PSS;");
  expect_refused("short.pem", NULL, NULL, "an RSA key of 1024 bits is too short");
  expect_refused("big", NULL, NULL, "larger than 64 KiB");
}

static void a_file_without_permission_says_so(void **state) {
  (void)state;
  bool root = geteuid() == 0;
  assert_int_equal(run("cp ed.pem closed.pem && chmod 000 closed.pem && chmod 711 ."), 0);
  if (root) assert_int_equal(seteuid(65534), 0); /* root may read everything */
  kl_error e = {0};
  kl_key *k = NULL;
  bool loaded = kl_key_load_file(in_folder("closed.pem"), NULL, NULL, &k, &e);
  if (root) assert_int_equal(seteuid(0), 0);
  assert_false(loaded);
  assert_string_equal(e.kind, "config");
  assert_non_null(strstr(e.message, "closed.pem: no permission to read the private key"));
  assert_non_null(strstr(e.message, "chmod 600"));
}

static void an_encrypted_key_needs_somebody_to_ask(void **state) {
  (void)state;
  static const char *const names[] = {"rsa8.enc.pem", "rsa1.enc.pem", "ed.enc.pem"};
  for (size_t i = 0; i < 3; i++) {
    person silent = {.answers = {NULL}};
    expect_refused(names[i], NULL, NULL, "encrypted and there is no way to ask for its passphrase");
    expect_refused(names[i], answer, &silent, "encrypted and no passphrase was given");
    assert_int_equal(silent.asked, 1);
  }
}

static void a_passphrase_may_be_wrong_twice(void **state) {
  (void)state;
  static const char *const names[] = {"rsa8.enc.pem", "rsa1.enc.pem", "ed.enc.pem"};
  for (size_t i = 0; i < 3; i++) {
    kl_error e = {0};
    kl_key *k = NULL;
    person third = {.answers = {"wrong", "", "sesame"}};
    if (!kl_key_load_file(in_folder(names[i]), answer, &third, &k, &e)) fail_msg("%s", e.message);
    assert_int_equal(third.asked, 3);
    assert_non_null(strstr(third.prompts, names[i]));
    assert_non_null(strstr(third.prompts, "That was not it"));
    kl_key_release(k);
    person never = {.answers = {"wrong", "wrong again", "sesame "}};
    expect_refused(names[i], answer, &never, "the passphrase was wrong 3 times");
    assert_int_equal(never.asked, 3);
    person leaves = {.answers = {"wrong", NULL}};
    expect_refused(names[i], answer, &leaves, "no passphrase was given");
    assert_int_equal(leaves.asked, 2);
  }
}

static void a_key_whose_halves_do_not_fit_is_refused(void **state) {
  (void)state;
  /* This key's modulus in front of another key's private numbers: it decodes, but signs nothing that verifies. */
  assert_int_equal(run("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -outform DER -out other.der"), 0);
  assert_int_equal(run("openssl pkey -in rsa8.pem -outform DER -out this.der"), 0);
  assert_int_equal(run("openssl rsa -inform DER -in this.der -traditional -outform DER -out this1.der && openssl rsa "
                       "-inform DER -in other.der -traditional -outform DER -out other1.der"),
                   0);
  char a[4096], b[4096];
  size_t n = read_file("this1.der", a, sizeof a), m = read_file("other1.der", b, sizeof b);
  enum { MODULUS_AT = 4 + 3 + 4, MODULUS = 257 }; /* behind SEQUENCE, version and the head of the INTEGER */
  assert_true(n > MODULUS_AT + MODULUS && m > MODULUS_AT + MODULUS);
  memcpy(b + MODULUS_AT, a + MODULUS_AT, MODULUS);
  write_file("mixed.der", b, m);
  assert_int_equal(run("(echo '-----BEGIN RSA PRIVATE KEY-----'; openssl base64 -in mixed.der; echo '-----END RSA "
                       "PRIVATE KEY-----') > mixed.pem && chmod 600 mixed.pem"),
                   0);
  expect_refused("mixed.pem", NULL, NULL, "the key is damaged, its own signature does not verify");
}

static void a_key_that_others_can_read_is_a_warning(void **state) {
  (void)state;
  static const struct {
    int mode;
    bool warned;
  } cases[] = {{0600, false}, {0400, false}, {0640, true}, {0604, true}, {0620, true}};
  assert_int_equal(run("cp ed.pem mode.pem"), 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char path[256], log_text[4096];
    snprintf(path, sizeof path, "%s/log", folder);
    remove(path);
    assert_int_equal(chmod(in_folder("mode.pem"), (mode_t)cases[i].mode), 0);
    assert_true(kl_log_open(KL_LOG_WARN, false, path));
    kl_key_release(load("mode.pem", NULL));
    kl_log_close();
    read_file("log", log_text, sizeof log_text);
    char want[32];
    snprintf(want, sizeof want, "(mode %04o)", (unsigned)cases[i].mode);
    if ((strstr(log_text, want) && strstr(log_text, "chmod 600")) != cases[i].warned)
      fail_msg("mode %o, log: %s", (unsigned)cases[i].mode, log_text);
  }
}

static void a_key_comes_from_memory_and_from_a_pipe(void **state) {
  (void)state;
  char pem[4096];
  size_t n = read_file("ed.pem", pem, sizeof pem);
  kl_error e = {0};
  kl_key *k = NULL;
  char *exact = malloc(n);
  assert_non_null(exact);
  memcpy(exact, pem, n);
  assert_true(kl_key_load_pem(exact, n, "KALSHI_PRIVATE_KEY", NULL, NULL, &k, &e));
  free(exact);
  kl_key_release(k);
  assert_false(kl_key_load_pem("", 0, "KALSHI_PRIVATE_KEY", NULL, NULL, &k, &e));
  assert_non_null(strstr(e.message, "KALSHI_PRIVATE_KEY: there is nothing in it"));

  int ends[2];
  char path[64];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], pem, n), n);
  close(ends[1]);
  snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
  if (!kl_key_load_file(path, NULL, NULL, &k, &e)) fail_msg("%s", e.message);
  kl_key_release(k);
  close(ends[0]);
}

static void public_keys_that_cannot_serve_are_refused(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"ed.pem", "this is a private key"},
                                         {"cert.pem", "a CERTIFICATE is no public"},
                                         {"ec.pub", "the type of this key is EC"},
                                         {"short.pub", "1024 bits"},
                                         {"rsa.der", "not PEM"}};
  char pem[8192];
  kl_error e = {0};
  kl_public_key *k = NULL;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t n = read_file(cases[i][0], pem, sizeof pem);
    assert_false(kl_public_key_load_pem(pem, n, &k, &e));
    assert_string_equal(e.kind, "config");
    if (!strstr(e.message, cases[i][1])) fail_msg("%s: %s", cases[i][0], e.message);
  }
  size_t n = read_file("rsa.pub", pem, sizeof pem);
  assert_false(kl_public_key_load_pem(pem, n - 40, &k, &e));
  assert_non_null(strstr(e.message, "damaged or cut off"));
  assert_null(k);
}

static void a_generated_key_is_written_and_read_again(void **state) {
  (void)state;
  const int bits[] = {0, 2048};
  for (int i = 0; i < 2; i++) {
    kl_error e = {0};
    kl_key *k = NULL;
    char signature[KL_SIGNATURE_MAX];
    if (!kl_key_generate(bits[i], &k, &e)) fail_msg("%s", e.message);
    assert_string_equal(kl_key_type(k), bits[i] ? "RSA" : "Ed25519");
    assert_int_equal(kl_key_bits(k), bits[i] ? bits[i] : 256);
    remove(in_folder("made.pem"));
    if (!kl_key_write_file(k, in_folder("made.pem"), &e)) fail_msg("%s", e.message);
    struct stat s;
    assert_int_equal(stat(in_folder("made.pem"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    char pem[4096];
    read_file("made.pem", pem, sizeof pem);
    assert_memory_equal(pem, "-----BEGIN PRIVATE KEY-----\n", 28);
    kl_key *again = load("made.pem", NULL);
    kl_public_key *public_key = kl_public_key_of(again);
    assert_true(kl_key_sign(k, text, TEXT, signature, &e));
    assert_true(kl_public_key_verify(public_key, text, TEXT, signature));
    kl_public_key_release(public_key);
    kl_key_release(again);
    assert_false(kl_key_write_file(k, in_folder("made.pem"), &e)); /* never over another file */
    assert_string_equal(e.kind, "config");
    assert_non_null(strstr(e.message, "made.pem: the key file cannot be written: File exists; remove it first"));
    assert_false(kl_key_write_file(k, in_folder("none/made.pem"), &e));
    assert_non_null(strstr(e.message, "No such file or directory; check the folder"));
    kl_key_release(k);
  }
  kl_error e = {0};
  kl_key *k = NULL;
  assert_false(kl_key_generate(1024, &k, &e));
  assert_false(kl_key_generate(16384, &k, &e));
  assert_string_equal(e.kind, "validation");
}

static void base64_without_padding_verifies(void **state) {
  (void)state;
  kl_error e = {0};
  kl_key *k = NULL;
  char signature[KL_SIGNATURE_MAX];
  assert_true(kl_key_generate(3072, &k, &e)); /* 384 bytes divide by three */
  assert_true(kl_key_sign(k, text, TEXT, signature, &e));
  assert_int_equal(strlen(signature), 512);
  kl_public_key *public_key = kl_public_key_of(k);
  assert_true(kl_public_key_verify(public_key, text, TEXT, signature));
  kl_public_key_release(public_key);
  kl_key_release(k);
}

enum { THREADS = 4, SIGNATURES = 25 };

typedef struct {
  kl_key *key;
  const kl_public_key *public_key;
  int good;
} worker;

static void *sign_many(void *data) {
  worker *w = data;
  for (int i = 0; i < SIGNATURES; i++) {
    char signature[KL_SIGNATURE_MAX], line[64];
    kl_key *k = kl_key_retain(w->key);
    int n = snprintf(line, sizeof line, "text %d of %p", i, data);
    if (kl_key_sign(k, line, (size_t)n, signature, NULL) &&
        kl_public_key_verify(w->public_key, line, (size_t)n, signature))
      w->good++;
    kl_key_release(k);
  }
  return NULL;
}

static void many_threads_sign_with_one_key(void **state) {
  (void)state;
  static const char *const names[] = {"rsa8.pem", "ed.pem"};
  for (int i = 0; i < 2; i++) {
    kl_key *k = load(names[i], NULL);
    kl_public_key *public_key = kl_public_key_of(k);
    pthread_t threads[THREADS];
    worker workers[THREADS];
    for (int t = 0; t < THREADS; t++) {
      workers[t] = (worker){.key = kl_key_retain(k), .public_key = public_key};
      assert_int_equal(pthread_create(&threads[t], NULL, sign_many, &workers[t]), 0);
    }
    kl_key_release(k);
    for (int t = 0; t < THREADS; t++) {
      assert_int_equal(pthread_join(threads[t], NULL), 0);
      assert_int_equal(workers[t].good, SIGNATURES);
      kl_key_release(workers[t].key);
    }
    kl_public_key_release(public_key);
  }
  kl_key_release(NULL);
}

static void the_signed_text_has_no_query(void **state) {
  (void)state;
  char out[64];
  assert_int_equal(kl_signed_text(out, sizeof out, INT64_C(1795380241005), "GET", "/trade-api/v2/markets?limit=5&x=?"),
                   13 + 3 + 21);
  assert_string_equal(out, "1795380241005GET/trade-api/v2/markets");
  assert_int_equal(kl_signed_text(out, 38, INT64_C(1795380241005), "GET", "/trade-api/v2/markets"), 37);
  assert_int_equal(kl_signed_text(out, 37, INT64_C(1795380241005), "GET", "/trade-api/v2/markets"), 0);
  assert_int_equal(kl_signed_text(out, 0, 1, "GET", "/"), 0);
  assert_int_equal(kl_signed_text(out, sizeof out, 1, "DELETE", "?a"), 7);
  assert_string_equal(out, "1DELETE");
}

static void a_hardened_process_cannot_be_read(void **state) {
  (void)state;
  int status = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct rlimit core;
    kl_auth_harden_process();
    kl_auth_harden_process(); /* twice is harmless */
    getrlimit(RLIMIT_CORE, &core);
    kl_key *k = NULL;
    char signature[KL_SIGNATURE_MAX];
    bool ok = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && core.rlim_cur == 0 && core.rlim_max == 0 &&
              kl_key_load_file(in_folder("rsa8.enc.pem"), answer, &(person){.answers = {"sesame"}}, &k, NULL) &&
              kl_key_sign(k, text, TEXT, signature, NULL);
    kl_key_release(k);
    _exit(ok ? 0 : 1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A child on a terminal of its own that asks for a passphrase and exits with what kl_passphrase_from_tty gave, or 99
 * when the text is not "se same". */
static pid_t start_prompt(int *terminal) {
  pid_t child = forkpty(terminal, NULL, NULL, NULL);
  assert_true(child >= 0);
  if (child > 0) return child;
  char out[16];
  signal(SIGHUP, SIG_DFL);
  int n = kl_passphrase_from_tty(NULL, "Passphrase: ", out, sizeof out);
  _exit(n < 0 ? 98 : strcmp(out, "se same") == 0 ? n : 99);
}

static bool echoes(int terminal) {
  struct termios t;
  assert_int_equal(tcgetattr(terminal, &t), 0);
  return (t.c_lflag & ECHO) != 0;
}

/* Reads what the child shows until `part` came `times` times, or the terminal closes. */
static bool wait_for(int terminal, const char *part, int times, char *seen, size_t cap) {
  size_t n = 0;
  seen[0] = 0;
  while (n + 1 < cap) {
    int found = 0;
    for (const char *p = seen; (p = strstr(p, part)); p++)
      found++;
    if (found >= times) return true;
    ssize_t r = read(terminal, seen + n, cap - 1 - n);
    if (r <= 0) return false;
    n += (size_t)r;
    seen[n] = 0;
  }
  return false;
}

static void type(int terminal, const char *keys) {
  assert_int_equal(write(terminal, keys, strlen(keys)), strlen(keys));
}

static void the_prompt_hides_what_is_typed(void **state) {
  (void)state;
  char seen[1024];
  int terminal, status = 0;
  pid_t child = start_prompt(&terminal);
  assert_true(wait_for(terminal, "Passphrase: ", 1, seen, sizeof seen));
  assert_false(echoes(terminal));
  type(terminal, "se samex\x7f\n"); /* the line can be edited */
  assert_false(wait_for(terminal, "same", 1, seen, sizeof seen));
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 7);
  close(terminal);
}

static void a_signal_puts_the_terminal_right_first(void **state) {
  (void)state;
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    char seen[1024];
    int terminal, status = 0;
    pid_t child = start_prompt(&terminal);
    int keep = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC); /* its settings outlive the child */
    assert_true(keep >= 0);
    assert_true(wait_for(terminal, "Passphrase: ", 1, seen, sizeof seen));
    assert_false(echoes(terminal));
    if (numbers[i] == SIGINT) {
      type(terminal, "half\x03");
    } else {
      assert_int_equal(kill(child, numbers[i]), 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), numbers[i]);
    assert_true(echoes(terminal));
    close(keep);
    close(terminal);
  }
}

static void a_file_is_looked_at_without_its_passphrase(void **state) {
  (void)state;
  kl_key_file f;
  kl_error e = {0};
  assert_int_equal(run("cp rsa8.enc.pem looked.pem && chmod 640 looked.pem"), 0);
  assert_true(kl_key_file_look(in_folder("looked.pem"), &f, &e));
  assert_true(f.encrypted && f.regular && f.mine);
  assert_int_equal(f.mode, 0640);
  assert_true(kl_key_file_look(in_folder("rsa8.pem"), &f, &e));
  assert_false(f.encrypted);
  assert_false(kl_key_file_look(in_folder("nothing.pem"), &f, &e));
  assert_string_equal(e.kind, KL_ERR_CONFIG);
}

static void a_stopped_prompt_asks_again(void **state) {
  (void)state;
  char seen[1024];
  int terminal, status = 0;
  pid_t child = start_prompt(&terminal);
  assert_true(wait_for(terminal, "Passphrase: ", 1, seen, sizeof seen));
  /* Without a shell there is nobody to continue it, so the stop itself has no effect; the prompt comes again. */
  type(terminal, "half\x1a");
  assert_true(wait_for(terminal, "Passphrase: ", 1, seen, sizeof seen));
  type(terminal, "se same\n");
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 7);
  close(terminal);
}

static void a_passphrase_that_does_not_fit_is_none(void **state) {
  (void)state;
  char seen[1024];
  int terminal, status = 0;
  pid_t child = start_prompt(&terminal);
  assert_true(wait_for(terminal, "Passphrase: ", 1, seen, sizeof seen));
  type(terminal, "0123456789abcdef\n");
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 98);
  close(terminal);
}

static void without_a_terminal_there_is_no_passphrase(void **state) {
  (void)state;
  int status = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    char out[16];
    setsid();
    _exit(kl_passphrase_from_tty(NULL, "Passphrase: ", out, sizeof out) == -1 ? 0 : 1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_format_signs_what_openssl_verifies),
      cmocka_unit_test(verifies_what_openssl_signed),
      cmocka_unit_test(refuses_other_paddings_and_salts),
      cmocka_unit_test(a_changed_signature_or_text_does_not_verify),
      cmocka_unit_test(each_way_to_fail_has_its_message),
      cmocka_unit_test(a_file_without_permission_says_so),
      cmocka_unit_test(an_encrypted_key_needs_somebody_to_ask),
      cmocka_unit_test(a_passphrase_may_be_wrong_twice),
      cmocka_unit_test(a_key_whose_halves_do_not_fit_is_refused),
      cmocka_unit_test(a_key_that_others_can_read_is_a_warning),
      cmocka_unit_test(a_key_comes_from_memory_and_from_a_pipe),
      cmocka_unit_test(public_keys_that_cannot_serve_are_refused),
      cmocka_unit_test(a_generated_key_is_written_and_read_again),
      cmocka_unit_test(base64_without_padding_verifies),
      cmocka_unit_test(many_threads_sign_with_one_key),
      cmocka_unit_test(the_signed_text_has_no_query),
      cmocka_unit_test(a_hardened_process_cannot_be_read),
      cmocka_unit_test(the_prompt_hides_what_is_typed),
      cmocka_unit_test(a_signal_puts_the_terminal_right_first),
      cmocka_unit_test(a_file_is_looked_at_without_its_passphrase),
      cmocka_unit_test(a_stopped_prompt_asks_again),
      cmocka_unit_test(a_passphrase_that_does_not_fit_is_none),
      cmocka_unit_test(without_a_terminal_there_is_no_passphrase),
  };
  return cmocka_run_group_tests(tests, make_keys, remove_folder);
}
