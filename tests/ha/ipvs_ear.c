/* Stands between a program and generic netlink (LD_PRELOAD): as far as the program can tell, the kernel has IPVS and takes whatever
   it is asked. Every request is written to the file that IPVS_EAR names, one line each: type (16 is the controller of families),
   flags, the octets behind the netlink header.  */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { FAMILY = 0x77, SOCKETS = 4096, ROOM = 1 << 16 };

static char generic[SOCKETS];
static unsigned char waiting[ROOM];
static size_t filled;

static void answer(const struct nlmsghdr *asked, int type, const void *body, size_t size)
{
    struct nlmsghdr head = {NLMSG_HDRLEN + size, type, 0, asked->nlmsg_seq, asked->nlmsg_pid};
    memset(waiting + filled, 0, NLMSG_ALIGN(head.nlmsg_len));
    memcpy(waiting + filled, &head, sizeof head);
    memcpy(waiting + filled + NLMSG_HDRLEN, body, size);
    filled += NLMSG_ALIGN(head.nlmsg_len);
}

static void hear(const unsigned char *octets, size_t size)
{
    const struct nlmsghdr *asked = (const void *)octets;
    FILE *file = fopen(getenv("IPVS_EAR"), "a");
    fprintf(file, "%u %#x ", asked->nlmsg_type, asked->nlmsg_flags);
    for (size_t at = NLMSG_HDRLEN; at < asked->nlmsg_len && at < size; at++)
        fprintf(file, "%02x", octets[at]);
    fprintf(file, "\n");
    fclose(file);
    int number = 0;
    if (asked->nlmsg_type == GENL_ID_CTRL) {
        struct { struct genlmsghdr general; struct nlattr id; __u16 family, pad; struct nlattr name; char text[8]; } family = {
            {CTRL_CMD_NEWFAMILY, 2, 0}, {6, CTRL_ATTR_FAMILY_ID}, FAMILY, 0, {9, CTRL_ATTR_FAMILY_NAME}, "IPVS"};
        answer(asked, GENL_ID_CTRL, &family, sizeof family);
    } else if (octets[NLMSG_HDRLEN] == 15) {          /* IPVS_CMD_GET_INFO */
        struct { struct genlmsghdr general; struct nlattr version; __u32 number; struct nlattr size; __u32 table; } info = {
            {14, 1, 0}, {8, 1}, 0x10201, {8, 2}, 4096};
        answer(asked, FAMILY, &info, sizeof info);
    } else if (asked->nlmsg_flags & NLM_F_DUMP) {
        answer(asked, NLMSG_DONE, &number, sizeof number);
        return;
    }
    if (asked->nlmsg_flags & NLM_F_ACK) {
        struct nlmsgerr done = {0, *asked};
        answer(asked, NLMSG_ERROR, &done, sizeof done);
    }
}

int socket(int domain, int type, int protocol)
{
    int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");
    int made = next(domain, type, protocol);
    if (made >= 0 && made < SOCKETS && (generic[made] = domain == AF_NETLINK && protocol == NETLINK_GENERIC))
        filled = 0;
    return made;
}

ssize_t send(int fd, const void *octets, size_t size, int flags)
{
    ssize_t (*next)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    if (fd < 0 || fd >= SOCKETS || !generic[fd])
        return next(fd, octets, size, flags);
    hear(octets, size);
    return size;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*next)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
    if (fd < 0 || fd >= SOCKETS || !generic[fd])
        return next(fd, message, flags);
    hear(message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
    return message->msg_iov[0].iov_len;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t (*next)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
    if (fd < 0 || fd >= SOCKETS || !generic[fd])
        return next(fd, message, flags);
    if (!filled) {
        errno = EAGAIN;
        return -1;
    }
    /* One message at a time, as from the kernel. */
    size_t whole = NLMSG_ALIGN(((struct nlmsghdr *)waiting)->nlmsg_len);
    size_t size = whole < message->msg_iov[0].iov_len ? whole : message->msg_iov[0].iov_len;
    struct sockaddr_nl kernel = {AF_NETLINK};
    memcpy(message->msg_iov[0].iov_base, waiting, size);
    if (message->msg_name)
        memcpy(message->msg_name, &kernel, sizeof kernel), message->msg_namelen = sizeof kernel;
    message->msg_controllen = 0;
    message->msg_flags = 0;
    if (!(flags & MSG_PEEK)) {
        filled -= whole;
        memmove(waiting, waiting + whole, filled);
    }
    return flags & MSG_TRUNC ? whole : size;
}

ssize_t recv(int fd, void *octets, size_t size, int flags)
{
    ssize_t (*next)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
    if (fd < 0 || fd >= SOCKETS || !generic[fd])
        return next(fd, octets, size, flags);
    struct iovec vector = {octets, size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    return recvmsg(fd, &message, flags);
}
