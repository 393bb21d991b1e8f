#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/base/status.h"

namespace kr::agent {

// Puts the calling thread, and every process that it starts, into the namespaces of process 1
// (mount, network, UTS, IPC): from then on `/` is the host's, for this thread only. Needs a
// privileged container with hostPID. FailedPrecondition when process 1 is our own container's: then
// commands would be run there.
Status EnterHost();

// Files of the host, as the calling thread sees it. `root` stands before every path ("" on a host).
class HostFiles {
 public:
  explicit HostFiles(std::string root) : root_(std::move(root)) {}

  std::string Full(std::string_view path) const { return root_ + std::string(path); }

  // NotFound when there is none. Larger files than `limit` are ResourceExhausted.
  StatusOr<std::string> Read(std::string_view path, size_t limit) const;
  bool Exists(std::string_view path) const;

  // Puts `content` in place of the file at once: nobody sees half of it, and a crash leaves one or
  // the other. Mode and owner stay. A symbolic link is followed: what it points to is replaced.
  Status Replace(std::string_view path, std::string_view content) const;
  // The same in two steps, so that the candidate can be looked at: it lies beside the file under a
  // hidden name.
  StatusOr<std::string> WriteCandidate(std::string_view path, std::string_view content) const;
  Status Promote(const std::string& candidate, std::string_view path) const;
  void Discard(const std::string& candidate) const;

  // On the disk when it returns; makes the folders above. `fresh`: AlreadyExists when there is one.
  Status WriteDurably(std::string_view path, std::string_view content, bool fresh) const;
  // Removes files of `folder` that nobody has written to since `before`.
  void RemoveOlder(std::string_view folder, absl::Time before) const;

  // /proc/sys/kernel/random/boot_id. An error when it cannot be read.
  StatusOr<std::string> BootId() const;
  // Of the firmware; "" when it does not tell.
  std::string SystemUuid() const;

 private:
  const std::string root_;
};

}  // namespace kr::agent
