#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/document/document.h"
#include "crds/v1alpha1/remediation_budget.h"
#include "reconcilers/limits/budget.h"
#include "reconcilers/limits/ledger.h"
#include "reconcilers/policy/group_key.h"
#include "reconcilers/policy/selector.h"
#include "reconcilers/policy/symptoms.h"
#include "reconcilers/policy/watches.h"

namespace kr::remediation {

// The budgets across policies: those that people wrote, and the built-in one of nodes (one node or
// 10 %, whichever is more). What they count comes from watches of their own (Needs), from the
// symptoms of all policies and from the ledger. Engine thread only.
class Budgets {
 public:
  // References outlive it.
  Budgets(std::vector<std::string> exempt_from_nodes, const policy::Watches& watches,
          const policy::Symptoms& symptoms, const limits::Ledger& ledger);
  ~Budgets();

  // A RemediationBudget came or changed; true when it means something else than before.
  bool Upsert(const document::Document& object);
  void Remove(const document::Document& object);
  // What has to be watched so that objects can be counted; `nodes`: some policy acts on Nodes.
  std::vector<policy::Watches::Extra> Needs(bool nodes);
  // Objects that are counted have changed.
  void Invalidate() { counted_ = false; }
  // Brings all counts up to date. To be called before Check, once for many of them.
  void Refresh() const;

  // All nodes of the cluster, as of the last Refresh.
  struct NodeCount {
    int64_t nodes = 0;
    std::set<std::string> not_ready;
  };
  // By zone (kZoneLabel), and all of them under ""; empty while they are not known, or no policy
  // acts on nodes.
  const std::map<std::string, NodeCount>& zones() const { return zones_; }
  // "" when the node has none; nullopt when there is no such node.
  std::optional<std::string> ZoneOf(std::string_view node) const;

  // StaleView while a budget is not counted yet, BudgetExhausted when one has no room for all of
  // `objects`; nullopt: Take them.
  std::optional<limits::Refusal> Check(std::string_view policy,
                                       std::span<const crds::ObjectReference> objects) const;
  // They are the holder's in the ledger now.
  void Take(const limits::Ledger::Holder& holder, std::span<const crds::ObjectReference> objects);

  struct Entry {
    crds::RemediationBudget object;
    Status accepted;
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }  // by UID
  // The status that one of them should have.
  crds::RemediationBudgetStatus StatusOf(const Entry& entry, absl::Time now) const;

 private:
  struct Counted;  // one budget with its counts
  void CountZones() const;

  std::vector<std::string> exempt_;
  const policy::Watches& watches_;
  const policy::Symptoms& symptoms_;
  const limits::Ledger& ledger_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::unique_ptr<Counted>> budgets_;  // by UID, "" = the built-in one
  mutable bool counted_ = false;
  mutable std::map<std::string, NodeCount> zones_;
};

}  // namespace kr::remediation
