#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/kube/resource.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "reconcilers/policy/permissions.h"

namespace kr::remediation {

// Asks the API server, before anybody is sick, whether the operator may do what its policies will
// need (SelfSubjectAccessReview). It only tells: nothing is stopped by what it finds. Asks again
// while something is missing, less and less often. Engine thread only.
//
// RBAC can be limited to namespaces and names, so "no" is taken for an answer only about a request
// that will be made like this: of an object that the policy names, or of a target that there is.
class Preflight {
 public:
  struct Options {
    bool enabled = false;
    absl::Duration timeout = absl::Seconds(5);
    absl::Duration retry_initial = absl::Seconds(5);
    absl::Duration retry_max = absl::Minutes(5);
  };
  // What a policy needs for targets of one kind, and where these are.
  struct Subject {
    std::vector<policy::Permission> permissions;
    bool namespaced = true;
    std::vector<std::string> namespaces, names;  // as the policy says them
    std::optional<kube::ObjectKey> sample;       // the first of its targets
    std::string own_namespace;                   // where RbacRule::own_name is; "" when not known
  };
  // By the UID of a policy; nothing when there is nothing to be asked (yet).
  using Source = std::function<std::vector<Subject>(const std::string& uid)>;

  // References outlive it. `changed` is called when Missing says something else.
  Preflight(Options options, runtime::Engine& engine, runtime::ApiSender& api, Source source,
            std::function<void(const std::string& uid)> changed);

  // The policy is new or another than before.
  void Check(const std::string& uid);
  void Forget(const std::string& uid) { policies_.erase(uid); }
  void Stop() { policies_.clear(); }

  // What the operator may not do, as "patch deployments.apps in namespace shop; ..."; "" when
  // nothing is known to be missing. An API server that does not answer changes nothing.
  std::string Missing(const std::string& uid) const;

 private:
  struct Question {
    std::string group, resource, verb, name_space, name;
    std::string ToString() const;
    friend auto operator<=>(const Question&, const Question&) = default;
  };
  enum class Answer { kYes, kNo, kAsk };
  struct Entry {
    int64_t round = 0;  // what belongs to an earlier one is not wanted any more
    std::vector<Subject> subjects;
    std::map<Question, bool> answers;  // of this round
    size_t open = 0;
    bool failed = false;
    std::string missing;
    absl::Duration pause = absl::ZeroDuration();
  };

  Answer Ask(const Entry& entry, const Question& question, std::set<Question>& ask) const;
  struct Findings {
    std::set<std::string> missing;  // definitely
    std::set<Question> ask;         // has to be known first
    bool undecided = false;         // not everywhere, and where it is needed nobody knows yet
  };
  void Judge(const Entry& entry, const Subject& subject, const policy::Permission& needed,
             Findings& findings) const;
  void Begin(const std::string& uid, Entry& entry);
  void Step(const std::string& uid);
  void Send(const std::string& uid, int64_t round, const Question& question);
  void OnAnswer(const std::string& uid, int64_t round, const Question& question,
                const StatusOr<kube::Reply>& reply);
  void Again(const std::string& uid, Entry& entry);

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  const Source source_;
  const std::function<void(const std::string& uid)> changed_;
  std::map<std::string, Entry> policies_;        // by UID
  std::map<Question, MonotonicTime> permitted_;  // policies share what they need
  int64_t rounds_ = 0;
  std::shared_ptr<Preflight*> self_;
};

}  // namespace kr::remediation
