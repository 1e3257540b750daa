// A link between two network namespaces, in user space: rate with a queue that drops at its end, one-way delay, and
// independent random loss, each direction by itself. `tc netem` would do the same but is missing in many kernels.
// It joins two TUN devices, gives them addresses, and ends by itself after so many seconds. Built by lab.sh.
//
//   ulink -a NAMESPACE:DEVICE:IP/PREFIX -b NAMESPACE:DEVICE:IP/PREFIX -s CONTROL_SOCKET [-m MTU] [-T SECONDS]
//
// The control socket (UNIX stream) takes one line a command and answers with one line:
//   set BIT/S_AB BIT/S_BA ONE_WAY_DELAY_US LOSS_AB_PPM LOSS_BA_PPM QUEUE_BYTES      a rate of 0 is unlimited
//   stats       packets, bytes (of IP), lost, dropped by the queue, its longest; up is a to b, down is b to a
//   reset | quit
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RING 32768      // packets under way in one direction; above it the device's own queue fills
#define SLOT 1600       // bytes of the largest packet
#define ETHERNET 38     // what Ethernet adds to a packet on a wire: preamble 8, header 14, checksum 4, gap 12
#define SECOND 1000000000ull

struct packet {
  uint64_t due; // ns, when it leaves the link
  int length;
  unsigned char bytes[SLOT];
};

struct direction {
  int in, out;
  struct packet *ring;
  unsigned head, tail;
  uint64_t free_at; // ns, when the wire has sent all that it took
  double ns_per_byte;
  uint64_t delay;   // ns
  unsigned loss;    // per million
  uint64_t queue;   // bytes
  uint64_t packets, bytes, lost, dropped, longest_queue, late;
};

static struct direction directions[2];

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

// xorshift64 with a fixed seed.
static uint64_t next_random(void) {
  static uint64_t state = 88172645463325252ull;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// A TUN device in another namespace; its descriptor works from this one.
static int open_tun(const char *namespace, const char *device) {
  char path[256];
  snprintf(path, sizeof path, "/var/run/netns/%s", namespace);
  int home = open("/proc/self/ns/net", O_RDONLY);
  int there = open(path, O_RDONLY);
  if (there < 0 || setns(there, CLONE_NEWNET)) {
    perror(path);
    exit(1);
  }
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request)) {
    perror("/dev/net/tun");
    exit(1);
  }
  setns(home, CLONE_NEWNET);
  close(there);
  close(home);
  return tun;
}

static void configure(const char *namespace, const char *device, const char *address, const char *mtu) {
  char command[512];
  snprintf(command, sizeof command, "ip -n %s addr add %s dev %s && ip -n %s link set %s mtu %s txqueuelen 10000 up",
           namespace, address, device, namespace, device, mtu);
  if (system(command)) {
    fprintf(stderr, "failed: %s\n", command);
    exit(1);
  }
}

static void shape(struct direction *d, double bits_per_second, uint64_t delay, unsigned loss, uint64_t queue) {
  d->ns_per_byte = bits_per_second > 0 ? 8e9 / bits_per_second : 0;
  d->delay = delay;
  d->loss = loss;
  d->queue = queue;
}

static void receive(struct direction *d) {
  for (int count = 0; count < 64 && d->head - d->tail < RING; count++) {
    struct packet *packet = &d->ring[d->head % RING];
    int length = read(d->in, packet->bytes, SLOT);
    if (length <= 0) return;
    uint64_t time = now();
    d->packets++;
    d->bytes += length;
    if (d->loss && next_random() % 1000000 < d->loss) {
      d->lost++;
      continue;
    }
    uint64_t start = d->free_at > time ? d->free_at : time;
    uint64_t backlog = d->ns_per_byte > 0 ? (uint64_t)((start - time) / d->ns_per_byte) : 0;
    if (backlog > d->longest_queue) d->longest_queue = backlog;
    if (d->ns_per_byte > 0 && backlog + length > d->queue) {
      d->dropped++;
      continue;
    }
    d->free_at = start + (uint64_t)((length + ETHERNET) * d->ns_per_byte);
    packet->due = d->free_at + d->delay;
    packet->length = length;
    d->head++;
  }
}

static void deliver(struct direction *d, uint64_t time) {
  for (; d->tail != d->head; d->tail++) {
    struct packet *packet = &d->ring[d->tail % RING];
    if (packet->due > time) return;
    if (time - packet->due > 1000000) d->late++;
    // A device that is down loses the packet, as a wire would.
    if (write(d->out, packet->bytes, packet->length) < 0) continue;
  }
}

static int answer(const char *command, char *reply, size_t size) {
  struct direction *up = &directions[0], *down = &directions[1];
  double rate_up, rate_down;
  unsigned long delay, loss_up, loss_down, queue;
  snprintf(reply, size, "ok\n");
  if (sscanf(command, "set %lf %lf %lu %lu %lu %lu", &rate_up, &rate_down, &delay, &loss_up, &loss_down, &queue) == 6) {
    shape(up, rate_up, delay * 1000, loss_up, queue);
    shape(down, rate_down, delay * 1000, loss_down, queue);
  } else if (!strncmp(command, "reset", 5)) {
    for (struct direction *d = directions; d < directions + 2; d++)
      d->packets = d->bytes = d->lost = d->dropped = d->longest_queue = d->late = 0;
  } else if (!strncmp(command, "quit", 4)) {
    return 0;
  } else {
    snprintf(reply, size,
             "{\"upPackets\":%lu,\"upBytes\":%lu,\"upLost\":%lu,\"upDropped\":%lu,\"upLongestQueue\":%lu,"
             "\"downPackets\":%lu,\"downBytes\":%lu,\"downLost\":%lu,\"downDropped\":%lu,\"downLongestQueue\":%lu,"
             "\"late\":%lu}\n",
             up->packets, up->bytes, up->lost, up->dropped, up->longest_queue, down->packets, down->bytes, down->lost,
             down->dropped, down->longest_queue, up->late + down->late);
  }
  return 1;
}

static int listen_on(const char *path) {
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  unlink(path);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4)) {
    perror(path);
    exit(1);
  }
  return listener;
}

static void run(int listener, uint64_t end) {
  int control = -1;
  for (uint64_t time; (time = now()) < end;) {
    uint64_t next = time + SECOND / 5;
    for (struct direction *d = directions; d < directions + 2; d++)
      if (d->head != d->tail && d->ring[d->tail % RING].due < next) next = d->ring[d->tail % RING].due;
    struct timespec wait = {0, 0};
    if (next > time) wait = (struct timespec){(next - time) / SECOND, (next - time) % SECOND};
    struct pollfd polled[4] = {
        {directions[0].in, POLLIN, 0}, {directions[1].in, POLLIN, 0}, {listener, POLLIN, 0}, {control, POLLIN, 0}};
    ppoll(polled, control >= 0 ? 4 : 3, &wait, 0);
    if (polled[0].revents) receive(&directions[0]);
    if (polled[1].revents) receive(&directions[1]);
    time = now();
    deliver(&directions[0], time);
    deliver(&directions[1], time);
    if (polled[2].revents) {
      int accepted = accept4(listener, 0, 0, SOCK_NONBLOCK);
      if (accepted >= 0) {
        if (control >= 0) close(control);
        control = accepted;
      }
    } else if (control >= 0 && polled[3].revents) {
      char command[512], reply[512];
      int length = read(control, command, sizeof command - 1);
      if (length <= 0) {
        close(control);
        control = -1;
        continue;
      }
      command[length] = 0;
      if (!answer(command, reply, sizeof reply)) return;
      // Whoever asked may be gone by now.
      if (write(control, reply, strlen(reply)) < 0) continue;
    }
  }
}

int main(int count, char **arguments) {
  char *sides[2] = {0, 0}, *path = 0;
  const char *mtu = "1500";
  int seconds = 3600;
  for (int option; (option = getopt(count, arguments, "a:b:s:m:T:")) > 0;) {
    if (option == 'a') sides[0] = optarg;
    if (option == 'b') sides[1] = optarg;
    if (option == 's') path = optarg;
    if (option == 'm') mtu = optarg;
    if (option == 'T') seconds = atoi(optarg);
  }
  if (!sides[0] || !sides[1] || !path) {
    fprintf(stderr, "ulink -a NAMESPACE:DEVICE:IP/PREFIX -b NAMESPACE:DEVICE:IP/PREFIX -s SOCKET [-m MTU] [-T SECONDS]\n");
    return 2;
  }
  // Delays are only as exact as the wake-ups: no timer slack, and before everything that it carries packets for.
  prctl(PR_SET_TIMERSLACK, 1);
  signal(SIGPIPE, SIG_IGN);
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});
  for (int side = 0; side < 2; side++) {
    char *namespace = strtok(strdup(sides[side]), ":"), *device = strtok(0, ":"), *address = strtok(0, ":");
    if (!namespace || !device || !address) return 2;
    directions[side].in = directions[1 - side].out = open_tun(namespace, device);
    configure(namespace, device, address, mtu);
  }
  for (int side = 0; side < 2; side++) {
    directions[side].ring = calloc(RING, sizeof(struct packet));
    if (!directions[side].ring) return 1;
    shape(&directions[side], 0, 0, 0, 1 << 20);
  }
  int listener = listen_on(path);
  run(listener, now() + seconds * SECOND);
  unlink(path);
  return 0;
}
