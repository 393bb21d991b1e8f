#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/mutex.h"
#include "controller/kube/beast_transport.h"
#include "controller/kube/credentials.h"
#include "tests/controller/kube/transport/test_cluster.h"
#include "tests/support/status_matchers.h"

namespace kr::kube {

// Records what a stream says; lets a test act in the middle of a call.
class Recorder final : public StreamHandler {
 public:
  std::function<void()> on_headers, on_data, on_end;  // on the stream thread, set before Open

  // An action may destroy this object, and once the test knows of the end it may, too: so each
  // action is copied first and nothing is touched after it.
  void OnHeaders(const HttpResponse& headers) override {
    const std::function<void()> act = on_headers;
    Update([&] { code_ = headers.code; });
    if (act) act();
  }
  void OnData(std::string_view bytes) override {
    const std::function<void()> act = on_data;
    Update([&] {
      data_.append(bytes);
      longest_ = std::max(longest_, bytes.size());
    });
    if (act) act();
  }
  void OnEnd(const Status& status) override {
    const std::function<void()> act = on_end;
    // A copy of a Status would share its reference count between threads.
    Update([&] {
      ++ends_;
      end_code_ = status.code();
      end_message_ = std::string(Message(status));
    });
    if (act) act();
  }

  bool AwaitHeaders() {
    return Await([this] { return code_ != 0; });
  }
  bool AwaitData(std::size_t size) {
    return Await([this, size] { return data_.size() >= size; });
  }
  // The code and message of OnEnd; nullopt when it never came.
  std::optional<Status> AwaitEnd() {
    if (!Await([this] { return ends_ > 0; })) return std::nullopt;
    MutexLock lock(mu_);
    return MakeStatus(end_code_, end_message_);
  }
  std::string data() const {
    MutexLock lock(mu_);
    return data_;
  }
  std::size_t size() const {
    MutexLock lock(mu_);
    return data_.size();
  }
  std::size_t longest() const {
    MutexLock lock(mu_);
    return longest_;
  }
  int code() const {
    MutexLock lock(mu_);
    return code_;
  }
  int ends() const {
    MutexLock lock(mu_);
    return ends_;
  }

 private:
  template <typename Change>
  void Update(Change change) {
    MutexLock lock(mu_);
    change();
    changed_.NotifyAll();
  }
  template <typename Condition>
  bool Await(Condition condition) {
    MutexLock lock(mu_);
    return changed_.Wait(mu_, {}, absl::Seconds(20), condition);
  }

  mutable Mutex mu_;
  CondVar changed_;
  int code_ ABSL_GUARDED_BY(mu_) = 0;
  std::string data_ ABSL_GUARDED_BY(mu_);
  std::size_t longest_ ABSL_GUARDED_BY(mu_) = 0;
  int ends_ ABSL_GUARDED_BY(mu_) = 0;
  absl::StatusCode end_code_ ABSL_GUARDED_BY(mu_) = absl::StatusCode::kOk;
  std::string end_message_ ABSL_GUARDED_BY(mu_);
};

class StreamTest : public ::testing::Test {
 protected:
  ~StreamTest() override {
    if (transport_ != nullptr) OnStreamThread([this] { streams_.clear(); });
    transport_.reset();
  }

  void Connect(ClusterConfig config) {
    transport_.reset();
    credentials_ = std::make_unique<Credentials>(std::move(config), clock_);
    transport_ = MakeBeastStreamTransport(*credentials_);
  }

  // Runs `task` on the stream thread and waits for it.
  void OnStreamThread(const std::function<void()>& task) {
    Mutex mu;
    CondVar changed;
    bool done = false;
    transport_->Post([&] {
      task();
      MutexLock lock(mu);
      done = true;
      changed.NotifyAll();
    });
    MutexLock lock(mu);
    ASSERT_TRUE(changed.Wait(mu, {}, absl::Seconds(20), [&] { return done; }));
  }

  // The index of the stream in streams_.
  std::size_t Open(const std::string& target, Recorder& recorder,
                   absl::Duration hard_stop = absl::Minutes(5),
                   absl::Duration headers_timeout = absl::Seconds(20)) {
    std::size_t index = 0;
    OnStreamThread([&] {
      index = streams_.size();
      streams_.push_back(
          transport_->Open({.target = target, .timeout = headers_timeout}, hard_stop, recorder));
    });
    return index;
  }

  RealClock clock_;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<StreamTransport> transport_;
  std::vector<std::unique_ptr<Stream>> streams_;  // on the stream thread only
};

}  // namespace kr::kube
