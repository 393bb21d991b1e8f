#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/base/mutex.h"
#include "controller/base/random.h"
#include "controller/cache/flow_control.h"
#include "controller/cache/inbox.h"
#include "controller/cache/informer.h"
#include "controller/document/decoder.h"
#include "controller/kube/beast_transport.h"
#include "controller/kube/credentials.h"
#include "controller/kube/request.h"
#include "tests/controller/kube/transport/test_cluster.h"

namespace kr::cache {

// The engine's queue, emptied by the test's thread, which is the engine thread here.
class SharedInbox final : public Inbox {
 public:
  bool Post(size_t, absl::AnyInvocable<void()> input) override {
    MutexLock lock(mu_);
    inputs_.push_back(std::move(input));
    changed_.NotifyAll();
    return false;
  }
  void AddDrainListener(std::function<void()>) override {}

  // Runs inputs until the condition holds. False when it does not within twenty seconds.
  bool RunUntil(const std::function<bool()>& holds) {
    while (!holds()) {
      absl::AnyInvocable<void()> input;
      {
        MutexLock lock(mu_);
        const bool came =
            changed_.Wait(mu_, {}, absl::Seconds(20), [&] { return !inputs_.empty(); });
        if (!came) return false;
        input = std::move(inputs_.front());
        inputs_.pop_front();
      }
      input();
    }
    return true;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> inputs_ ABSL_GUARDED_BY(mu_);
};

// An informer of pods as the program has it, over TLS, in front of a scripted API server. The
// test's thread is the engine thread.
class LiveInformer : private InformerObserver {
 public:
  explicit LiveInformer(document::Projection::Ptr projection)
      : informer_({{.resource = kPods}, false, std::move(projection)}, Options(),
                  {*transport_, flow_, clock_, random_, decoder_}, objects_, *this) {}

  // What the informer asks next; to be scripted before it does.
  void ExpectWatch(const std::string& version, testing::Answer answer, bool with_list = false) {
    kube::WatchOptions options;
    options.resource_version = version;
    options.send_initial_events = with_list;
    options.timeout_seconds = kWatchSeconds;
    cluster_.server.Expect("GET", kube::WatchObjects(kPods, options).target, std::move(answer));
  }
  void ExpectList(const kube::ListOptions& options, testing::Answer answer) {
    cluster_.server.Expect("GET", kube::ListObjects(kPods, options).target, std::move(answer));
  }

  void Start() { informer_.Start(); }
  bool Await(const std::function<bool()>& holds) { return inbox_.RunUntil(holds); }
  bool AwaitVersion(const std::string& version) {
    return Await([&] { return store().resource_version() == version; });
  }

  const Store& store() const { return informer_.store(); }
  const Reflector& reflector() const { return informer_.reflector(); }
  const document::Decoder& decoder() const { return decoder_; }
  std::string Deviations() const { return cluster_.server.Deviations(); }
  size_t changes() const { return changes_; }

 private:
  static constexpr int kWatchSeconds = 250;
  inline static const kube::Resource kPods{{"", "v1", "Pod"}, "pods", true};

  static WatchState::Options Options() {
    WatchState::Options options;
    options.min_watch = options.max_watch = absl::Seconds(kWatchSeconds);
    options.backoff.initial = options.backoff.max = absl::Milliseconds(1);
    options.very_short = absl::ZeroDuration();  // a script is quicker than a server
    return options;
  }

  void OnChange(const Informer&, ObjectId, const document::DocumentPtr&,
                const document::DocumentPtr&) override {
    ++changes_;
  }
  void OnSynced(const Informer&) override {}

  kube::TestCluster cluster_;
  RealClock clock_;
  SeededRandom random_{7};
  kube::Credentials credentials_{cluster_.Config(), clock_};
  SharedInbox inbox_;
  document::Decoder decoder_;
  ObjectTable objects_;
  std::unique_ptr<kube::StreamTransport> transport_ = kube::MakeBeastStreamTransport(credentials_);
  FlowControl flow_{inbox_, *transport_};
  size_t changes_ = 0;
  Informer informer_;
};

}  // namespace kr::cache
