// Messages per second through libzmq's PUSH and PULL over tcp, with nothing
// but bytes in them: throughput SIZE MILLISECONDS [ENDPOINT]. One thread sends,
// one receives, each with a context of its own, as libzmq's own perf tools do.
// With an endpoint to bind, tcp or ipc, a process of its own sends.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

static size_t size;
static char endpoint[256];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void *send_all(void *unused) {
  void *push = zmq_socket(zmq_ctx_new(), ZMQ_PUSH);
  char *body = calloc(1, size);
  zmq_connect(push, endpoint);
  while (zmq_send(push, body, size, 0) >= 0)
    ;
  return unused;
}

// Forks a process that sends, before there is a context. It learns the endpoint
// from the pipe that is returned.
static int fork_sender(pid_t *pid) {
  int ends[2];
  if (pipe(ends) || (*pid = fork()) < 0) return -1;
  if (*pid == 0) {
    close(ends[1]);
    if (read(ends[0], endpoint, sizeof endpoint) == sizeof endpoint) send_all(NULL);
    _Exit(1);
  }
  return ends[1];
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) return 2;
  size = strtoul(argv[1], NULL, 10);
  double limit = atof(argv[2]) / 1000, begin = 0, end = 0;
  size_t length = sizeof endpoint;
  pid_t other = 0;
  int told = argc == 4 ? fork_sender(&other) : -1;
  if (argc == 4 && told < 0) return 1;
  void *pull = zmq_socket(zmq_ctx_new(), ZMQ_PULL);
  pthread_t sender;
  zmq_msg_t msg;
  if (zmq_bind(pull, argc == 4 ? argv[3] : "tcp://127.0.0.1:*") || zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &length)) return 1;
  if (argc == 3) pthread_create(&sender, NULL, send_all, NULL);
  else if (write(told, endpoint, sizeof endpoint) != sizeof endpoint) return 1;
  zmq_msg_init(&msg);
  if (zmq_msg_recv(&msg, pull, 0) < 0) return 1;
  begin = now();
  unsigned long n = 0;
  do {
    for (int i = 0; i < 64; i++, n++)
      if (zmq_msg_recv(&msg, pull, 0) < 0) return 1;
    end = now();
  } while (end - begin < limit);
  printf("%.1f\n", n / (end - begin));
  fflush(stdout);
  if (other > 0) kill(other, SIGKILL);
  _Exit(0);
}
