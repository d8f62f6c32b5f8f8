/*
 * The raw C loop: what the PKCS#11 module gives when nothing stands between it and the caller. P processes with one
 * instance of the module each, T threads with one session each, every one doing init and operation in a loop.
 *
 * It speaks the protocol of the other contenders: one flat JSON object per line on standard input, one per line back.
 * The parent never loads the module; it only counts, so that its clock is not the clock of a busy process. With arrivals at
 * a fixed rate nothing is handed over either: whoever is free takes the next one, which no program with one door could do.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pkcs11.h>

#include "json_line.h"

enum { MOST_PROCESSES = 16, MOST_THREADS = 16, INPUT_BYTES = 64, RANDOM_BYTES = 32, DIGEST_BYTES = 32, IV_BYTES = 12 };
enum { MOST_ARRIVALS = 1 << 20 };
enum operation { RSA_2048, P_256, AES_256_GCM, HMAC_SHA256, RANDOM, OPERATIONS };
static const char *const OPERATION_NAMES[OPERATIONS] = {"rsa-2048", "p-256", "aes-256-gcm", "hmac-sha256", "random"};

/* One cache line and more per worker, so that counting costs the others nothing. */
struct worker {
  _Alignas(128) atomic_ulong operations;
  sem_t go;
  sem_t idle;
};

/* Operations that are due at a fixed rate: whoever is free takes the next one, and sleeps until it is due. */
struct arrivals {
  /* 0 while the loop is closed. */
  unsigned long count;
  double interval_ns;
  uint64_t begin_ns;
  atomic_ulong next;
  /* From the instant at which each was due. */
  uint64_t latencies_ns[MOST_ARRIVALS];
};

struct shared {
  atomic_int running;
  atomic_int operation;
  struct arrivals arrivals;
  sem_t instance_ready;
  struct worker workers[MOST_PROCESSES * MOST_THREADS];
};

struct settings {
  char module[512];
  char token[33];
  char pin[65];
  int processes;
  int threads;
  CK_BBOOL on_token;
  CK_BBOOL is_private;
};

static struct shared *shared;
static struct settings settings;
static pid_t instances[MOST_PROCESSES];

/* Of one instance, after the fork. */
static CK_FUNCTION_LIST_PTR pkcs11;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE keys[OPERATIONS];

static void fail(const char *what, CK_RV value) {
  printf("{\"error\":\"%s: 0x%lx\"}\n", what, (unsigned long)value);
  fflush(stdout);
  kill(0, SIGKILL);
}

static void expect_ok(const char *what, CK_RV value) {
  if (value != CKR_OK) fail(what, value);
}

static CK_SESSION_HANDLE open_session(void) {
  CK_SESSION_HANDLE session;
  expect_ok("C_OpenSession", pkcs11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
  return session;
}

static void find_slot(void) {
  CK_SLOT_ID slots[64];
  CK_ULONG count = 64;
  expect_ok("C_GetSlotList", pkcs11->C_GetSlotList(CK_TRUE, slots, &count));
  for (CK_ULONG i = 0; i < count; i++) {
    CK_TOKEN_INFO token;
    expect_ok("C_GetTokenInfo", pkcs11->C_GetTokenInfo(slots[i], &token));
    if (memcmp(token.serialNumber, settings.token, strnlen(settings.token, 16)) == 0) {
      slot = slots[i];
      return;
    }
  }
  fail("no such token", 0);
}

/* Keys of a token are made by the first instance and found by the others, as the processes of one service would. */
static CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, enum operation operation) {
  CK_BYTE id[] = {'r', 'a', 'w', (CK_BYTE)operation};
  CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, id, sizeof id}};
  CK_OBJECT_HANDLE key;
  CK_ULONG count = 0;
  expect_ok("C_FindObjectsInit", pkcs11->C_FindObjectsInit(session, template, 2));
  expect_ok("C_FindObjects", pkcs11->C_FindObjects(session, &key, 1, &count));
  expect_ok("C_FindObjectsFinal", pkcs11->C_FindObjectsFinal(session));
  if (count != 1) fail("key not found", 0);
  return key;
}

static CK_OBJECT_HANDLE make_pair(CK_SESSION_HANDLE session, enum operation operation) {
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_BYTE id[] = {'r', 'a', 'w', (CK_BYTE)operation};
  CK_ULONG bits = 2048;
  CK_BYTE exponent[] = {1, 0, 1};
  CK_BYTE curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  CK_ATTRIBUTE private_template[] = {{CKA_TOKEN, &settings.on_token, 1}, {CKA_PRIVATE, &settings.is_private, 1},
                                     {CKA_SENSITIVE, &yes, 1},           {CKA_EXTRACTABLE, &no, 1},
                                     {CKA_SIGN, &yes, 1},                {CKA_ID, id, sizeof id}};
  CK_ATTRIBUTE rsa[] = {{CKA_VERIFY, &yes, 1},
                        {CKA_MODULUS_BITS, &bits, sizeof bits},
                        {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent}};
  CK_ATTRIBUTE ec[] = {{CKA_VERIFY, &yes, 1}, {CKA_EC_PARAMS, curve, sizeof curve}};
  int is_rsa = operation == RSA_2048;
  CK_MECHANISM mechanism = {is_rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
  CK_OBJECT_HANDLE public_key;
  CK_OBJECT_HANDLE private_key;
  expect_ok("C_GenerateKeyPair", pkcs11->C_GenerateKeyPair(session, &mechanism, is_rsa ? rsa : ec, is_rsa ? 3 : 2,
                                                           private_template, 6, &public_key, &private_key));
  return private_key;
}

static CK_OBJECT_HANDLE make_secret(CK_SESSION_HANDLE session, enum operation operation) {
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_BYTE id[] = {'r', 'a', 'w', (CK_BYTE)operation};
  CK_ULONG bytes = 32;
  CK_ATTRIBUTE template[] = {{CKA_TOKEN, &settings.on_token, 1},
                             {CKA_PRIVATE, &settings.is_private, 1},
                             {CKA_SENSITIVE, &yes, 1},
                             {CKA_EXTRACTABLE, &no, 1},
                             {CKA_VALUE_LEN, &bytes, sizeof bytes},
                             {operation == AES_256_GCM ? CKA_ENCRYPT : CKA_SIGN, &yes, 1},
                             {CKA_ID, id, sizeof id}};
  CK_MECHANISM mechanism = {operation == AES_256_GCM ? CKM_AES_KEY_GEN : CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
  CK_OBJECT_HANDLE key;
  expect_ok("C_GenerateKey", pkcs11->C_GenerateKey(session, &mechanism, template, 7, &key));
  return key;
}

static void prepare_keys(CK_SESSION_HANDLE session, int instance) {
  if (settings.on_token && instance > 0) {
    keys[RSA_2048] = find_key(session, CKO_PRIVATE_KEY, RSA_2048);
    keys[P_256] = find_key(session, CKO_PRIVATE_KEY, P_256);
    keys[AES_256_GCM] = find_key(session, CKO_SECRET_KEY, AES_256_GCM);
    keys[HMAC_SHA256] = find_key(session, CKO_SECRET_KEY, HMAC_SHA256);
  } else {
    keys[RSA_2048] = make_pair(session, RSA_2048);
    keys[P_256] = make_pair(session, P_256);
    keys[AES_256_GCM] = make_secret(session, AES_256_GCM);
    keys[HMAC_SHA256] = make_secret(session, HMAC_SHA256);
  }
}

struct caller {
  CK_SESSION_HANDLE session;
  uint64_t iv_counter;
  CK_BYTE input[INPUT_BYTES];
  CK_BYTE output[512];
};

/* DER of DigestInfo for SHA-256, as RFC 8017 §9.2 gives it; the digest follows. */
static const CK_BYTE DIGEST_INFO[19] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                        0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

static void sign(struct caller *caller, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, CK_ULONG input_bytes) {
  CK_MECHANISM mechanism = {type, NULL, 0};
  CK_ULONG output_bytes = sizeof caller->output;
  expect_ok("C_SignInit", pkcs11->C_SignInit(caller->session, &mechanism, key));
  expect_ok("C_Sign", pkcs11->C_Sign(caller->session, caller->input, input_bytes, caller->output, &output_bytes));
}

/* A counter makes the IV unique, which is the cheapest way that is still correct. */
static void encrypt(struct caller *caller) {
  CK_BYTE iv[IV_BYTES] = {0};
  caller->iv_counter++;
  memcpy(iv + IV_BYTES - sizeof caller->iv_counter, &caller->iv_counter, sizeof caller->iv_counter);
  CK_GCM_PARAMS parameter = {iv, IV_BYTES, IV_BYTES * 8, NULL, 0, 128};
  CK_MECHANISM mechanism = {CKM_AES_GCM, &parameter, sizeof parameter};
  CK_ULONG output_bytes = sizeof caller->output;
  expect_ok("C_EncryptInit", pkcs11->C_EncryptInit(caller->session, &mechanism, keys[AES_256_GCM]));
  expect_ok("C_Encrypt",
            pkcs11->C_Encrypt(caller->session, caller->input, INPUT_BYTES, caller->output, &output_bytes));
}

static void perform(struct caller *caller, enum operation operation) {
  switch (operation) {
    case RSA_2048: return sign(caller, CKM_RSA_PKCS, keys[RSA_2048], sizeof DIGEST_INFO + DIGEST_BYTES);
    case P_256: return sign(caller, CKM_ECDSA, keys[P_256], DIGEST_BYTES);
    case AES_256_GCM: return encrypt(caller);
    case HMAC_SHA256: return sign(caller, CKM_SHA256_HMAC, keys[HMAC_SHA256], INPUT_BYTES);
    default: expect_ok("C_GenerateRandom", pkcs11->C_GenerateRandom(caller->session, caller->output, RANDOM_BYTES));
  }
}

static uint64_t clock_nanoseconds(clockid_t id) {
  struct timespec time;
  clock_gettime(id, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void sleep_until(uint64_t nanoseconds) {
  struct timespec time = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
}

static void serve_arrivals(struct caller *caller, enum operation operation) {
  struct arrivals *arrivals = &shared->arrivals;
  for (;;) {
    unsigned long arrival = atomic_fetch_add(&arrivals->next, 1);
    if (arrival >= arrivals->count) return;
    uint64_t due = arrivals->begin_ns + (uint64_t)((double)arrival * arrivals->interval_ns);
    sleep_until(due);
    perform(caller, operation);
    arrivals->latencies_ns[arrival] = clock_nanoseconds(CLOCK_MONOTONIC) - due;
  }
}

static void *work(void *argument) {
  struct worker *worker = argument;
  struct caller caller = {.session = open_session()};
  memcpy(caller.input, DIGEST_INFO, sizeof DIGEST_INFO);
  /* Of a thread; by default the kernel may wake it 50 us late. */
  prctl(PR_SET_TIMERSLACK, 1);
  for (;;) {
    while (sem_wait(&worker->go) != 0) continue;
    enum operation operation = (enum operation)atomic_load(&shared->operation);
    if (shared->arrivals.count > 0) serve_arrivals(&caller, operation);
    while (atomic_load_explicit(&shared->running, memory_order_relaxed)) {
      perform(&caller, operation);
      atomic_fetch_add_explicit(&worker->operations, 1, memory_order_relaxed);
    }
    sem_post(&worker->idle);
  }
  return NULL;
}

static void run_instance(int instance) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  void *library = dlopen(settings.module, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fail("dlopen", 0);
  CK_C_GetFunctionList get_functions;
  *(void **)&get_functions = dlsym(library, "C_GetFunctionList");
  if (get_functions == NULL) fail("dlsym", 0);
  expect_ok("C_GetFunctionList", get_functions(&pkcs11));
  CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
  expect_ok("C_Initialize", pkcs11->C_Initialize(&arguments));
  find_slot();
  CK_SESSION_HANDLE session = open_session();
  expect_ok("C_Login", pkcs11->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)settings.pin, strlen(settings.pin)));
  explicit_bzero(settings.pin, sizeof settings.pin);
  prepare_keys(session, instance);
  for (int i = 0; i < settings.threads; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, &shared->workers[instance * settings.threads + i]) != 0) {
      fail("pthread_create", 0);
    }
  }
  sem_post(&shared->instance_ready);
  for (;;) pause();
}

/* One instance after the other: SoftHSM instances that start on one token at the same moment race. */
static void open_instances(const char *line) {
  char text[16];
  json_text(line, "module", settings.module, sizeof settings.module);
  json_text(line, "tokenSerial", settings.token, sizeof settings.token);
  json_text(line, "pin", settings.pin, sizeof settings.pin);
  json_text(line, "objects", text, sizeof text);
  settings.on_token = strcmp(text, "token") == 0 ? CK_TRUE : CK_FALSE;
  json_text(line, "visibility", text, sizeof text);
  settings.is_private = strcmp(text, "public") == 0 ? CK_FALSE : CK_TRUE;
  settings.processes = (int)json_number(line, "processes");
  settings.threads = (int)json_number(line, "threads");
  if (settings.processes < 1 || settings.processes > MOST_PROCESSES) fail("processes", 0);
  if (settings.threads < 1 || settings.threads > MOST_THREADS) fail("threads", 0);
  for (int i = 0; i < settings.processes * settings.threads; i++) {
    sem_init(&shared->workers[i].go, 1, 0);
    sem_init(&shared->workers[i].idle, 1, 0);
  }
  for (int i = 0; i < settings.processes; i++) {
    instances[i] = fork();
    if (instances[i] < 0) fail("fork", 0);
    if (instances[i] == 0) run_instance(i);
    while (sem_wait(&shared->instance_ready) != 0) continue;
  }
  explicit_bzero(settings.pin, sizeof settings.pin);
  printf("{\"opened\":true}\n");
}

struct mark {
  uint64_t operations;
  uint64_t nanoseconds;
  uint64_t cpu_nanoseconds;
};

static struct mark take_mark(void) {
  struct mark mark = {0};
  for (int i = 0; i < settings.processes * settings.threads; i++) {
    mark.operations += atomic_load_explicit(&shared->workers[i].operations, memory_order_relaxed);
  }
  mark.nanoseconds = clock_nanoseconds(CLOCK_MONOTONIC);
  for (int i = 0; i < settings.processes; i++) {
    clockid_t id;
    if (clock_getcpuclockid(instances[i], &id) == 0) mark.cpu_nanoseconds += clock_nanoseconds(id);
  }
  return mark;
}

static void sleep_ms(long milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&time, &time) != 0) continue;
}

static void start_workers(const char *line) {
  char name[32];
  json_text(line, "operation", name, sizeof name);
  int operation = 0;
  while (operation < OPERATIONS && strcmp(name, OPERATION_NAMES[operation]) != 0) operation++;
  if (operation == OPERATIONS) fail("operation", 0);
  atomic_store(&shared->operation, operation);
  for (int i = 0; i < settings.processes * settings.threads; i++) sem_post(&shared->workers[i].go);
}

static void await_workers(void) {
  for (int i = 0; i < settings.processes * settings.threads; i++) {
    while (sem_wait(&shared->workers[i].idle) != 0) continue;
  }
}

static void measure(const char *line) {
  atomic_store(&shared->running, 1);
  start_workers(line);
  sleep_ms(json_number(line, "warmUpMs"));
  struct mark start = take_mark();
  sleep_ms(json_number(line, "measureMs"));
  struct mark end = take_mark();
  atomic_store(&shared->running, 0);
  await_workers();
  printf("{\"operations\":%lu,\"elapsedNs\":%lu,\"cpuUs\":%lu}\n", (unsigned long)(end.operations - start.operations),
         (unsigned long)(end.nanoseconds - start.nanoseconds),
         (unsigned long)((end.cpu_nanoseconds - start.cpu_nanoseconds) / 1000));
}

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left;
  uint64_t b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

/* Between neighbours in proportion, as statistics.ts has it; in milliseconds. */
static double quantile_ms(const uint64_t *sorted, unsigned long count, double share) {
  double position = share * (double)(count - 1);
  unsigned long below = (unsigned long)position;
  unsigned long above = below + 1 < count ? below + 1 : below;
  double low = (double)sorted[below];
  return (low + ((double)sorted[above] - low) * (position - (double)below)) / 1e6;
}

static void open_loop(const char *line) {
  struct arrivals *arrivals = &shared->arrivals;
  unsigned long rate = (unsigned long)json_number(line, "ratePerSecond");
  if (rate == 0) fail("ratePerSecond", 0);
  unsigned long skipped = rate * (unsigned long)json_number(line, "warmUpMs") / 1000;
  unsigned long counted = rate * (unsigned long)json_number(line, "measureMs") / 1000;
  if (counted == 0 || skipped + counted > MOST_ARRIVALS) fail("arrivals", skipped + counted);
  arrivals->count = skipped + counted;
  arrivals->interval_ns = 1e9 / (double)rate;
  arrivals->begin_ns = clock_nanoseconds(CLOCK_MONOTONIC);
  atomic_store(&arrivals->next, 0);
  start_workers(line);
  await_workers();
  arrivals->count = 0;
  uint64_t *latencies = arrivals->latencies_ns + skipped;
  qsort(latencies, counted, sizeof *latencies, compare);
  printf("{\"operations\":%lu,\"p50Ms\":%f,\"p99Ms\":%f,\"maximumMs\":%f}\n", counted,
         quantile_ms(latencies, counted, 0.5), quantile_ms(latencies, counted, 0.99), quantile_ms(latencies, counted, 1));
}

int main(void) {
  setpgid(0, 0);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  sem_init(&shared->instance_ready, 1, 0);
  char *line = NULL;
  size_t capacity = 0;
  char command[16];
  while (getline(&line, &capacity, stdin) > 0) {
    json_text(line, "command", command, sizeof command);
    if (strcmp(command, "open") == 0) open_instances(line);
    if (strcmp(command, "measure") == 0) measure(line);
    if (strcmp(command, "openLoop") == 0) open_loop(line);
    if (strcmp(command, "close") == 0) break;
    fflush(stdout);
  }
  for (int i = 0; i < settings.processes; i++) {
    if (instances[i] > 0) kill(instances[i], SIGKILL);
  }
  return 0;
}
