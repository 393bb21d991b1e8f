#include "controller/cache/flow_control.h"

#include <utility>

namespace kr::cache {

FlowControl::FlowControl(Inbox& inbox, kube::StreamTransport& transport)
    : inbox_(inbox), waiting_(std::make_shared<std::vector<std::function<void()>>>()) {
  // A handler that was told to pause finishes before this task begins, so nobody is missed.
  inbox_.AddDrainListener([waiting = waiting_, &transport] {
    transport.Post([waiting] {
      const std::vector<std::function<void()>> resumes = std::exchange(*waiting, {});
      for (const auto& resume : resumes) resume();
    });
  });
}

}  // namespace kr::cache
