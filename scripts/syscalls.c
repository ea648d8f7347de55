// Runs a program of which one system call fails or kills it, counted over all of its threads and children.
//
//     syscalls CALL AT HOW COUNTS PROGRAM ARGUMENT...
//
// CALL is rename, link or nameless (an open with O_TMPFILE). AT is the number of the call, from 1, 0 for none; HOW is an errno,
// or -1 for a kill in place of the call. Each call adds a byte to the file COUNTS. Ends once the program and all that it has
// left running have; its exit code is the program's. These calls do not pass through libc, so a preloaded library (faults.c)
// does not see them: the kernel tells of them (seccomp_unotify(2), Linux 5.5).

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int is_well, const char *what) {
  if (!is_well) {
    perror(what);
    exit(125);
  }
}

// Where a processor's system calls lack the older ones, the newer one stands for them.
#ifndef __NR_rename
#define __NR_rename __NR_renameat
#define __NR_link __NR_linkat
#endif

// Has the kernel tell of this process's calls of a kind from now on; the descriptor to hear of them.
static int listen_to(const char *call) {
  int is_rename = strcmp(call, "rename") == 0, is_nameless = strcmp(call, "nameless") == 0;
  must(is_rename || is_nameless || strcmp(call, "link") == 0, call);
  unsigned first = is_rename ? __NR_rename : is_nameless ? __NR_openat : __NR_link;
  unsigned second = is_rename ? __NR_renameat : is_nameless ? __NR_openat : __NR_linkat;
  unsigned third = is_rename ? __NR_renameat2 : second;
  unsigned flags = is_nameless ? O_TMPFILE : 0;  // that the third argument has to have
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, third, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, flags),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, flags, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new privileges");
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void send_descriptor(int socket, int descriptor) {
  char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  must(sendmsg(socket, &message, 0) == 1, "sendmsg");
}

static int receive_descriptor(int socket) {
  char byte, control[CMSG_SPACE(sizeof(int))];
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  must(recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message), "recvmsg");
  int descriptor;
  memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
  return descriptor;
}

int main(int n, char **words) {
  must(n > 5, "syscalls CALL AT HOW COUNTS PROGRAM ARGUMENT...");
  long at = atol(words[2]), how = atol(words[3]), seen = 0;
  int counts = open(words[4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666), sockets[2];
  must(counts >= 0, words[4]);
  must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0, "socketpair");
  pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    int listener = listen_to(words[1]);
    must(listener >= 0, "seccomp");
    send_descriptor(sockets[1], listener);
    close(listener);
    execv(words[5], words + 5);
    must(0, words[5]);
  }
  close(sockets[1]);
  int listener = receive_descriptor(sockets[0]);
  struct pollfd wait = {.fd = listener, .events = POLLIN};
  while (poll(&wait, 1, -1) > 0 && !(wait.revents & POLLHUP)) {
    struct seccomp_notif asked = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) continue;  // who asked was killed
    struct seccomp_notif_resp answer = {.id = asked.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    must(write(counts, "x", 1) == 1, words[4]);
    if (++seen == at && how < 0) {
      kill(asked.pid, SIGKILL);
      continue;
    }
    if (seen == at) answer.flags = 0, answer.error = -(int)how;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
  int status;
  must(waitpid(child, &status, 0) == child, "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
