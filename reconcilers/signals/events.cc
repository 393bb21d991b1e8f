#include "reconcilers/signals/events.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace kr::signals {
namespace {

// Each piece of evidence costs room in a status; the noisiest objects tell the story.
constexpr size_t kMaxEvidence = 5;

class EventsSignal final : public Signal {
 public:
  explicit EventsSignal(crds::EventsSignal spec) : spec_(std::move(spec)) {}

  Reading Read(const View& view) const override {
    auto facts = view.Events(spec_.from, spec_.count);
    if (!facts.ok()) return {.value = Tri::kUnknown, .cause = std::string(Message(facts.status()))};
    int64_t total = 0;
    for (const EventFacts& f : *facts) total += f.count;
    if (total < spec_.count) return {.value = Tri::kFalse};
    Reading reading{.value = Tri::kTrue};
    // Every object's facts name the same moment: when the sum over all falls below the number.
    for (const EventFacts& f : *facts) {
      reading.valid_until = std::min(reading.valid_until, f.enough_until);
    }
    std::stable_sort(facts->begin(), facts->end(),
                     [](const EventFacts& a, const EventFacts& b) { return a.count > b.count; });
    for (const EventFacts& f : *facts) {
      if (f.count == 0 || reading.evidence.size() == kMaxEvidence) break;
      reading.evidence.push_back({.source = "events." + spec_.from,
                                  .object = f.object,
                                  .message = f.message,
                                  .count = f.count,
                                  .last_seen = f.last});
    }
    return reading;
  }

  std::vector<cel::Read> Reads() const override { return {}; }
  bool CountsEvents() const override { return true; }

 private:
  crds::EventsSignal spec_;
};

}  // namespace

SignalPtr MakeEvents(const crds::EventsSignal& spec) {
  return std::make_unique<EventsSignal>(spec);
}

}  // namespace kr::signals
