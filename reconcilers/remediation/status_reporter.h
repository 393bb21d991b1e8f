#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "controller/kube/resource.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "crds/meta/object_meta.h"

namespace kr::remediation {

// Keeps the status of some of our objects current: what it is comes from `status`, asked when
// something may have changed; written only when it differs, at most every `interval` per object.
// Derived data: a write that fails is simply made again. Engine thread only.
class StatusReporter {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(5);
    absl::Duration write_timeout = absl::Seconds(5);
  };
  // The object as it is on the server, its status there and the one that it should have. nullopt:
  // there is no such object, or this process does not lead.
  struct Wanted {
    kube::Resource resource;
    crds::ObjectMeta metadata;
    nlohmann::json before, after;
  };
  using Source = std::function<std::optional<Wanted>(const std::string& uid)>;

  StatusReporter(Options options, runtime::Engine& engine, runtime::ApiSender& api, Source source);
  ~StatusReporter();

  // The first report of an object goes out at once, the next after the interval. Where nothing was
  // to be told, a small part of it has to pass: thousands of targets touch it while caches fill.
  void Touch(const std::string& uid);
  void Forget(const std::string& uid);

 private:
  struct Object {
    bool scheduled = false;
    bool writing = false;
    bool again = false;
    MonotonicTime earliest;  // of the next report
  };
  void Schedule(const std::string& uid, Object& object);
  void Write(const std::string& uid);

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  const Source source_;
  std::map<std::string, Object> objects_;
  std::shared_ptr<StatusReporter*> self_;
};

}  // namespace kr::remediation
