#include "reconcilers/signals/lease.h"

#include <memory>
#include <utility>

#include "crds/meta/duration.h"
#include "crds/meta/nodes.h"
#include "reconcilers/signals/past.h"

namespace kr::signals {
namespace {

class LeaseSignal final : public Signal {
 public:
  enum class WithoutLease { kIsStale, kIsFine };

  LeaseSignal(crds::LeaseSignal spec, WithoutLease without)
      : spec_(std::move(spec)),
        read_{spec_.name_space.empty() ? crds::kNodeLeases : spec_.name_space, spec_.name,
              without == WithoutLease::kIsStale, spec_.after},
        without_(without) {}

  Reading Read(const View& view) const override {
    const std::string_view name = NameFor(view.target());
    const std::string text = "lease " + read_.name_space + "/" + std::string(name);
    if (view.past().onlooker) return {.cause = "how old " + text + " is: " + kControllerOnly};
    const auto sight = view.past().leases.Find(read_.name_space, name);
    if (!sight) return {.value = Tri::kUnknown, .cause = text + " was not observed yet"};
    if (!sight->exists && without_ == WithoutLease::kIsFine) return {.value = Tri::kTrue};

    if (sight->age >= spec_.after) return Say(crds::LeaseState::kStale, text, *sight, view);
    const absl::Time until = view.now() + (spec_.after - sight->age);
    if (sight->renewed && sight->exists) {
      Reading reading = Say(crds::LeaseState::kFresh, text, *sight, view);
      reading.valid_until = until;
      return reading;
    }
    Reading reading{.value = Tri::kFalse, .valid_until = until};
    if (view.remediating_since()) {
      reading.value = Tri::kUnknown;
      reading.cause = text + (sight->exists ? " was not seen to be renewed yet"
                                            : " does not exist, and that is news");
    }
    return reading;
  }

  std::vector<cel::Read> Reads() const override { return {}; }

  void Note(const View& view, bool, Past& past) const override {
    const std::string_view name = NameFor(view.target());
    if (!past.leases.Find(read_.name_space, name)) past.leases.Miss(read_.name_space, name);
  }

  const LeaseRead* ReadsLease() const override { return &read_; }

 private:
  std::string_view NameFor(const TargetName& target) const {
    return spec_.name.empty() ? target.name : std::string_view(spec_.name);
  }

  Reading Say(crds::LeaseState state, const std::string& text, const Leases::Sight& sight,
              const View& view) const {
    if (state != spec_.state) return {.value = Tri::kFalse};
    Reading reading{.value = Tri::kTrue};
    crds::Evidence evidence{.source = "lease"};
    if (state == crds::LeaseState::kFresh) {
      evidence.message = text + " is renewed";
    } else {
      evidence.message =
          text + (sight.exists ? " has not been renewed for " : " has not been there for ") +
          crds::FormatDuration(spec_.after) + " and longer";
      evidence.first_seen = view.now() - sight.age;
    }
    reading.evidence.push_back(std::move(evidence));
    return reading;
  }

  const crds::LeaseSignal spec_;
  const LeaseRead read_;
  const WithoutLease without_;
};

}  // namespace

SignalPtr MakeLease(const crds::LeaseSignal& spec) {
  return std::make_unique<LeaseSignal>(spec, LeaseSignal::WithoutLease::kIsStale);
}

SignalPtr MakeNodeLeaseIsFresh() {
  crds::LeaseSignal spec;
  spec.state = crds::LeaseState::kFresh;
  return std::make_unique<LeaseSignal>(std::move(spec), LeaseSignal::WithoutLease::kIsFine);
}

}  // namespace kr::signals
