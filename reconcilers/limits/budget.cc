#include "reconcilers/limits/budget.h"

#include <algorithm>
#include <set>

#include "reconcilers/limits/breaker.h"
#include "reconcilers/limits/concurrency.h"
#include "reconcilers/limits/ledger.h"

namespace kr::limits {
namespace {

constexpr size_t kMaxNamed = 3;

std::string NamedHolders(const BudgetRoom& room) {
  std::string text;
  size_t named = 0;
  for (const auto& [key, holder] : room.held) {
    if (named++ == kMaxNamed) break;
    if (!text.empty()) text += ", ";
    text += holder.object.ToString() + " (" +
            (holder.remediation.empty()
                 ? "out of service"
                 : "Remediation " + holder.remediation + " of policy " + holder.policy) +
            ")";
  }
  if (room.held.size() > kMaxNamed) {
    text += " and " + std::to_string(room.held.size() - kMaxNamed) + " more";
  }
  return text;
}

std::string LimitText(const crds::IntOrPercent& limit, int64_t number, int64_t matching) {
  std::string text = std::to_string(number);
  if (limit.percent) text += " (" + limit.ToString() + " of " + std::to_string(matching) + ")";
  return text;
}

Refusal Exhausted(std::string message) {
  return {.reason = Reason::kBudgetExhausted, .message = std::move(message)};
}

}  // namespace

std::optional<int64_t> BudgetRoom::Allowed() const {
  if (!max_concurrent) return std::nullopt;
  return Slots(*max_concurrent, matching);
}

std::optional<Refusal> CheckBudget(const BudgetRoom& room,
                                   std::span<const crds::ObjectReference> objects) {
  if (room.max_unhealthy) {
    const int64_t allowed = Breaker::Allowed(*room.max_unhealthy, room.matching);
    if (room.unhealthy > allowed) {
      return Exhausted(room.name + ": " + std::to_string(room.unhealthy) +
                       " objects are sick, at most " +
                       LimitText(*room.max_unhealthy, allowed, room.matching) + " may be");
    }
  }
  const std::optional<int64_t> allowed = room.Allowed();
  if (!allowed) return std::nullopt;
  std::set<std::string> more;
  for (const crds::ObjectReference& object : objects) {
    std::string key = LockKey(object);
    if (!room.held.contains(key)) more.insert(std::move(key));
  }
  const auto total = static_cast<int64_t>(room.held.size() + more.size());
  if (total <= *allowed) return std::nullopt;
  std::string message = room.name + " allows " +
                        LimitText(*room.max_concurrent, *allowed, room.matching) +
                        " at a time, and " + std::to_string(room.held.size()) + " are taken";
  if (more.size() > 1) message += ", " + std::to_string(more.size()) + " more are needed";
  if (!room.held.empty()) message += ": " + NamedHolders(room);
  return Exhausted(std::move(message));
}

}  // namespace kr::limits
