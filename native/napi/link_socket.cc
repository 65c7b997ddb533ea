#include "link_socket.hpp"

#if defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

// In headers that are older than the kernel.
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#endif
#ifndef MFD_ALLOW_SEALING
#define MFD_ALLOW_SEALING 2U
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

namespace nexus::napi {

namespace {

constexpr int kSealed = F_SEAL_SHRINK | F_SEAL_GROW;
constexpr int kBacklog = 64;

bool MakeAddress(const std::uint8_t* name, std::size_t length, sockaddr_un* address, socklen_t* address_length) {
  if (length == 0 || length >= sizeof(address->sun_path)) return false;
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  // The first byte stays 0: a name of the abstract namespace.
  memcpy(address->sun_path + 1, name, length);
  *address_length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  return true;
}

int OpenSocket(Descriptor* socket) {
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  socket->Reset(fd);
  return 0;
}

int CreateMemory() {
  int fd = static_cast<int>(syscall(SYS_memfd_create, "nexus-link", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));
  // Before Linux 6.3 nobody knows the last one.
  if (fd < 0 && errno == EINVAL) fd = static_cast<int>(syscall(SYS_memfd_create, "nexus-link", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return fd < 0 ? -errno : fd;
}

}  // namespace

void Descriptor::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

int SharedMapping::Create(std::size_t bytes, Descriptor* memory) {
  const int fd = CreateMemory();
  if (fd < 0) return fd;
  memory->Reset(fd);
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) return -errno;
  // A peer that could make it smaller could make this process touch what is not there any more.
  if (fcntl(fd, F_ADD_SEALS, kSealed | F_SEAL_SEAL) != 0) return -errno;
  return MapFile(fd, bytes);
}

int SharedMapping::Map(const Descriptor& memory, std::size_t* bytes) {
  const int seals = fcntl(memory.Get(), F_GET_SEALS);
  if (seals < 0) return -errno;
  struct stat about;
  if (fstat(memory.Get(), &about) != 0) return -errno;
  if ((seals & kSealed) != kSealed || !S_ISREG(about.st_mode) || about.st_size <= 0 || about.st_size > (std::int64_t{1} << 30)) return -EPROTO;
  *bytes = static_cast<std::size_t>(about.st_size);
  return MapFile(memory.Get(), *bytes);
}

int SharedMapping::MapFile(int fd, std::size_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return -errno;
  // A process that this one forks has no business in it. Where that is not heeded it ends with the exec.
  madvise(base, bytes, MADV_DONTFORK);
  base_ = static_cast<std::uint8_t*>(base);
  bytes_ = bytes;
  return 0;
}

void SharedMapping::Unmap() {
  if (base_ != nullptr) munmap(base_, bytes_);
  base_ = nullptr;
}

int ListenOnName(const std::uint8_t* name, std::size_t length, Descriptor* socket) {
  sockaddr_un address;
  socklen_t address_length;
  if (!MakeAddress(name, length, &address, &address_length)) return -EINVAL;
  const int opened = OpenSocket(socket);
  if (opened != 0) return opened;
  if (bind(socket->Get(), reinterpret_cast<sockaddr*>(&address), address_length) != 0) return -errno;
  return listen(socket->Get(), kBacklog) == 0 ? 0 : -errno;
}

int ConnectToName(const std::uint8_t* name, std::size_t length, Descriptor* socket) {
  sockaddr_un address;
  socklen_t address_length;
  if (!MakeAddress(name, length, &address, &address_length)) return -EINVAL;
  const int opened = OpenSocket(socket);
  if (opened != 0) return opened;
  // Connected, or refused, at once: with a full backlog that is EAGAIN.
  return connect(socket->Get(), reinterpret_cast<sockaddr*>(&address), address_length) == 0 ? 0 : -errno;
}

int AcceptSocket(const Descriptor& listener, Descriptor* socket) {
  const int fd = accept4(listener.Get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return -errno;
  socket->Reset(fd);
  return 0;
}

int IsSameUser(const Descriptor& socket) {
  ucred peer;
  socklen_t length = sizeof(peer);
  if (getsockopt(socket.Get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -errno;
  return length == sizeof(peer) && peer.uid == geteuid() ? 1 : 0;
}

int SendMessage(const Descriptor& socket, const std::uint8_t* bytes, std::size_t length, const Descriptor* memory) {
  iovec part = {const_cast<std::uint8_t*>(bytes), length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (memory != nullptr) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = memory->Get();
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  }
  return sendmsg(socket.Get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(length) ? 0 : -errno;
}

int SendWake(const Descriptor& socket) {
  constexpr std::uint8_t kWakeByte = 1;
  return send(socket.Get(), &kWakeByte, sizeof(kWakeByte), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(kWakeByte) ? 0 : -errno;
}

int ReceiveWake(const Descriptor& socket) {
  std::uint8_t byte;
  // What is longer is cut off, and descriptors for which there is no room are closed by the kernel.
  const ssize_t length = recv(socket.Get(), &byte, sizeof(byte), MSG_DONTWAIT);
  return length < 0 ? -errno : length == 0 ? 0 : 1;
}

int ReceiveMessage(const Descriptor& socket, ReceivedMessage* received) {
  iovec part = {received->bytes, sizeof(received->bytes)};
  // As many as a hostile peer may send are to be closed: the kernel drops what has no room here.
  alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t length = recvmsg(socket.Get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return -errno;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t at = 0; at < count; at++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + at * sizeof(int), sizeof(fd));
      received->memory.Reset(fd);
    }
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return -EPROTO;
  received->length = static_cast<std::size_t>(length);
  return length == 0 ? 0 : 1;
}

}  // namespace nexus::napi

#endif
