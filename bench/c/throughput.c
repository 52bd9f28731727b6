// Messages per second through libzmq's PUSH and PULL over tcp, with nothing
// but bytes in them: throughput SIZE MILLISECONDS. One thread sends, one
// receives, each with a context of its own, as libzmq's own perf tools do.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  size = strtoul(argv[1], NULL, 10);
  double limit = atof(argv[2]) / 1000, begin = 0, end = 0;
  size_t length = sizeof endpoint;
  void *pull = zmq_socket(zmq_ctx_new(), ZMQ_PULL);
  pthread_t sender;
  zmq_msg_t msg;
  if (zmq_bind(pull, "tcp://127.0.0.1:*") || zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &length)) return 1;
  pthread_create(&sender, NULL, send_all, NULL);
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
  _Exit(0);
}
