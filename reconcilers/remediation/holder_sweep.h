#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"

namespace kr::remediation {

// Gives back the nodes that are held for Remediations which do not exist any more: somebody took
// their finalizer off, or a backup was restored. Else the next one would join such a cordon, and
// nobody would ever take it back. A field that is not ours is left, as at every release. Engine
// thread only.
class HolderSweep {
 public:
  struct Options {
    absl::Duration write_timeout = absl::Seconds(5);
    absl::Duration retry = absl::Seconds(5);
  };
  // Whether there is a Remediation with that UID.
  using Exists = std::function<bool(std::string_view uid)>;

  // References outlive it.
  HolderSweep(const Options& options, runtime::Engine& engine, runtime::ApiSender& api,
              Exists exists);

  // One list of all nodes, and the patches that it gives reason for. Only while leading, and when
  // all Remediations are known. Without the right to list nodes there is nothing to do.
  void Start();
  // Nothing is sent any more.
  void Stop() { ++round_; }

 private:
  void List(int64_t round);
  void OnList(int64_t round, StatusOr<kube::Reply> reply);
  void Mend(int64_t round, const std::string& node);
  void OnNode(int64_t round, const std::string& node, StatusOr<kube::Reply> reply);
  void Again(int64_t round, const std::string& node);  // "": the list

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  const Exists exists_;
  int64_t round_ = 0;
  std::shared_ptr<HolderSweep*> self_;
};

}  // namespace kr::remediation
