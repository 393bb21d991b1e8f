#include "reconcilers/signals/absent.h"

#include <memory>
#include <utility>

namespace kr::signals {
namespace {

class AbsentSignal final : public Signal {
 public:
  explicit AbsentSignal(std::string kind) : kind_(std::move(kind)) {}

  Reading Read(const View& view) const override {
    if (view.object() != nullptr) return {.value = Tri::kFalse};
    const TargetName target = view.target();
    Reading reading{.value = Tri::kTrue};
    std::string name(target.name_space);
    if (!name.empty()) name += '/';
    name += target.name;
    reading.evidence.push_back(
        {.source = "absent", .message = "there is no " + kind_ + " " + name});
    return reading;
  }

  std::vector<cel::Read> Reads() const override { return {}; }
  bool IsAboutPlaces() const override { return true; }

 private:
  std::string kind_;
};

}  // namespace

SignalPtr MakeAbsent(std::string kind) {
  return std::make_unique<AbsentSignal>(std::move(kind));
}

}  // namespace kr::signals
