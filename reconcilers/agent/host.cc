#include "reconcilers/agent/host.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/time/time.h"

namespace kr::agent {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

Status ErrnoStatus(std::string_view what) {
  const int error = errno;
  std::string message = std::string(what) + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
      return NotFound(message);
    case EEXIST:
      return AlreadyExists(message);
    case EACCES:
    case EPERM:
      return PermissionDenied(message);
    default:
      return Internal(message);
  }
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// What a new file's name needs to survive a crash, too.
Status SyncFolder(const std::string& folder) {
  const Fd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok() || fsync(fd.get()) != 0) return ErrnoStatus(folder);
  return OkStatus();
}

Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t wrote = write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return ErrnoStatus(path);
    content.remove_prefix(static_cast<size_t>(wrote));
  }
  if (fsync(fd) != 0) return ErrnoStatus(path);
  return OkStatus();
}

Status MakeFolders(const std::string& folder) {
  for (size_t at = 1; at != std::string::npos;) {
    at = folder.find('/', at + 1);
    const std::string part = folder.substr(0, at);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return ErrnoStatus(part);
  }
  return OkStatus();
}

std::string Trim(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

Status EnterHost() {
  // The mount namespace comes last: the paths of the others are ours.
  static constexpr std::array<const char*, 4> kNamespaces = {"ipc", "uts", "net", "mnt"};
  struct stat ours, hosts;
  if (stat("/proc/self/ns/mnt", &ours) != 0 || stat("/proc/1/ns/mnt", &hosts) != 0) {
    return Annotate(ErrnoStatus("/proc/1/ns/mnt"), "the container needs hostPID and privileged");
  }
  if (ours.st_ino == hosts.st_ino) {
    return FailedPrecondition(
        "process 1 is not the host's but our own container's: its pod needs hostPID: true");
  }
  std::vector<Fd> fds;
  for (const char* name : kNamespaces) {
    fds.emplace_back(open((std::string("/proc/1/ns/") + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fds.back().ok()) return ErrnoStatus(std::string("/proc/1/ns/") + name);
  }
  // The other threads keep their root and working directory.
  if (unshare(CLONE_FS) != 0) return ErrnoStatus("unshare");
  for (size_t i = 0; i < fds.size(); ++i) {
    if (setns(fds[i].get(), 0) != 0) return ErrnoStatus(std::string("setns ") + kNamespaces[i]);
  }
  return OkStatus();
}

StatusOr<std::string> HostFiles::Read(std::string_view path, size_t limit) const {
  const std::string full = Full(path);
  const Fd fd(open(full.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(path);
  std::string content;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(path);
    if (got == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(got));
    if (content.size() > limit) {
      return ResourceExhausted(std::string(path) + " is larger than " + std::to_string(limit) +
                               " bytes");
    }
  }
}

bool HostFiles::Exists(std::string_view path) const {
  return access(Full(path).c_str(), F_OK) == 0;
}

StatusOr<std::string> HostFiles::WriteCandidate(std::string_view path,
                                                std::string_view content) const {
  char real[PATH_MAX];
  if (realpath(Full(path).c_str(), real) == nullptr) return ErrnoStatus(path);
  struct stat before;
  if (stat(real, &before) != 0) return ErrnoStatus(path);
  // Hidden: the kubelet would take another visible file among static pods for one.
  const std::string name(real);
  const std::string candidate =
      FolderOf(name) + "/." + name.substr(name.rfind('/') + 1) + ".kube-remedy";
  unlink(candidate.c_str());
  const Fd fd(open(candidate.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.ok()) return ErrnoStatus(candidate);
  Status written = WriteAll(fd.get(), content, candidate);
  if (written.ok() && (fchown(fd.get(), before.st_uid, before.st_gid) != 0 ||
                       fchmod(fd.get(), before.st_mode & 07777) != 0)) {
    written = ErrnoStatus(candidate);
  }
  if (!written.ok()) {
    unlink(candidate.c_str());
    return written;
  }
  return candidate;
}

Status HostFiles::Promote(const std::string& candidate, std::string_view path) const {
  char real[PATH_MAX];
  if (realpath(Full(path).c_str(), real) == nullptr) return ErrnoStatus(path);
  if (rename(candidate.c_str(), real) != 0) return ErrnoStatus(path);
  return SyncFolder(FolderOf(real));
}

void HostFiles::Discard(const std::string& candidate) const {
  unlink(candidate.c_str());
}

Status HostFiles::Replace(std::string_view path, std::string_view content) const {
  KR_ASSIGN_OR_RETURN(const std::string candidate, WriteCandidate(path, content));
  return Promote(candidate, path);
}

Status HostFiles::WriteDurably(std::string_view path, std::string_view content, bool fresh) const {
  const std::string full = Full(path);
  const std::string folder = FolderOf(full);
  KR_RETURN_IF_ERROR(MakeFolders(folder));
  const std::string target = fresh ? full : full + ".new";
  const int how = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_EXCL : O_TRUNC);
  const Fd fd(open(target.c_str(), how, 0600));
  if (!fd.ok()) return ErrnoStatus(path);
  KR_RETURN_IF_ERROR(WriteAll(fd.get(), content, target));
  if (!fresh && rename(target.c_str(), full.c_str()) != 0) return ErrnoStatus(path);
  return SyncFolder(folder);
}

void HostFiles::RemoveOlder(std::string_view folder, absl::Time before) const {
  const std::string full = Full(folder);
  DIR* dir = opendir(full.c_str());
  if (dir == nullptr) return;
  while (const dirent* entry = readdir(dir)) {
    const std::string path = full + "/" + entry->d_name;
    struct stat found;
    if (stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    if (absl::FromTimeT(found.st_mtime) < before) unlink(path.c_str());
  }
  closedir(dir);
}

StatusOr<std::string> HostFiles::BootId() const {
  KR_ASSIGN_OR_RETURN(std::string id, Read("/proc/sys/kernel/random/boot_id", 128));
  return Trim(std::move(id));
}

std::string HostFiles::SystemUuid() const {
  // Where cAdvisor, which the kubelet asks, looks first.
  StatusOr<std::string> id = Read("/sys/class/dmi/id/product_uuid", 128);
  return id.ok() ? Trim(*std::move(id)) : "";
}

}  // namespace kr::agent
