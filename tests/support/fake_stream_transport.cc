#include "tests/support/fake_stream_transport.h"

#include <algorithm>
#include <utility>

namespace kr::testing {

class FakeStreamTransport::FakeStream final : public kube::Stream {
 public:
  FakeStream(FakeStreamTransport& transport, Opened& opened)
      : transport_(transport), opened_(opened) {}
  ~FakeStream() override { opened_.open = false; }
  void Pause() override { opened_.paused = true; }
  void Resume() override {
    opened_.paused = false;
    transport_.Post([transport = &transport_, opened = &opened_] { transport->Flush(*opened); });
  }

 private:
  FakeStreamTransport& transport_;
  Opened& opened_;
};

std::unique_ptr<kube::Stream> FakeStreamTransport::Open(const kube::HttpRequest& request,
                                                        absl::Duration hard_stop,
                                                        kube::StreamHandler& handler) {
  streams_.push_back({request, hard_stop, &handler});
  return std::make_unique<FakeStream>(*this, streams_.back());
}

void FakeStreamTransport::Post(std::function<void()> task, absl::Duration delay) {
  tasks_.push_back({clock_.Monotonic() + delay, std::move(task)});
}

bool FakeStreamTransport::RunDue() {
  bool any = false;
  const auto due = [this](const Task& task) { return task.due <= clock_.Monotonic(); };
  for (auto task = tasks_.begin();
       (task = std::find_if(tasks_.begin(), tasks_.end(), due)) != tasks_.end();) {
    const auto run = std::move(task->run);
    tasks_.erase(task);
    run();
    any = true;
  }
  return any;
}

std::optional<absl::Duration> FakeStreamTransport::NextDue() const {
  const auto first = std::min_element(tasks_.begin(), tasks_.end(),
                                      [](const Task& a, const Task& b) { return a.due < b.due; });
  if (first == tasks_.end()) return std::nullopt;
  return std::max(first->due - clock_.Monotonic(), absl::ZeroDuration());
}

void FakeStreamTransport::Play(Opened& stream, std::function<void()> act) {
  if (!stream.open) return;
  stream.held.push_back(std::move(act));
  Flush(stream);
}

void FakeStreamTransport::Flush(Opened& stream) {
  while (stream.open && !stream.paused && !stream.held.empty()) {
    const auto act = std::move(stream.held.front());
    stream.held.pop_front();
    act();
  }
}

void FakeStreamTransport::Headers(Opened& stream, int code,
                                  std::map<std::string, std::string> headers) {
  Play(stream,
       [&stream, code, headers] { stream.handler->OnHeaders({.code = code, .headers = headers}); });
}

void FakeStreamTransport::Data(Opened& stream, std::string_view bytes) {
  Play(stream, [&stream, copy = std::string(bytes)] { stream.handler->OnData(copy); });
}

void FakeStreamTransport::End(Opened& stream, Status status) {
  Play(stream, [&stream, status] {
    stream.open = false;
    stream.handler->OnEnd(status);
  });
}

void FakeStreamTransport::Answer(Opened& stream, int code, std::string_view body,
                                 std::map<std::string, std::string> headers) {
  Headers(stream, code, std::move(headers));
  Data(stream, body);
  End(stream);
}

}  // namespace kr::testing
