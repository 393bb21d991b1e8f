#include "reconcilers/remediation/preflight.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

// How long a yes is believed; a write that is refused nevertheless says so.
constexpr absl::Duration kPermitted = absl::Minutes(1);
// Of one permission, over the places that a policy names.
constexpr size_t kMaxPlaces = 20;

const kube::Resource& ReviewResource() {
  static const kube::Resource resource{
      {"authorization.k8s.io", "v1", "SelfSubjectAccessReview"}, "selfsubjectaccessreviews", false};
  return resource;
}

// Whether RBAC may have granted the verb for objects of some names only.
bool IsByName(const actions::RbacRule& rule) {
  if (rule.verb == "list" || rule.verb == "watch") return false;
  return rule.verb != "create" || rule.resource.find('/') != std::string::npos;
}

struct Places {
  std::vector<std::string> namespaces, names;  // each of one with each of the other
};

// Where the request will be; nullopt when the policy does not say it, and no target either.
std::optional<Places> PlacesOf(const Preflight::Subject& subject,
                               const policy::Permission& needed) {
  Places places{{""}, {""}};
  if (subject.namespaced) {
    places.namespaces = subject.namespaces;
    if (places.namespaces.empty() && subject.sample) {
      places.namespaces = {subject.sample->name_space};
    }
  }
  if (!needed.name_space.empty()) places.namespaces = {needed.name_space};
  if (IsByName(needed.rule)) {
    if (needed.of_target && !subject.names.empty()) {
      places.names = subject.names;
    } else if (needed.of_target && subject.sample) {
      places = {{subject.sample->name_space}, {subject.sample->name}};
    } else if (!needed.name.empty()) {
      places.names = {needed.name};
    } else {
      return std::nullopt;
    }
  }
  if (places.namespaces.empty()) return std::nullopt;
  return places;
}

}  // namespace

std::string Preflight::Question::ToString() const {
  std::string text = verb + " " + resource;
  if (!group.empty()) text += "." + group;
  if (!name.empty()) text += " " + name;
  if (!name_space.empty()) text += " in namespace " + name_space;
  return text;
}

Preflight::Preflight(Options options, runtime::Engine& engine, runtime::ApiSender& api,
                     Source source, std::function<void(const std::string& uid)> changed)
    : options_(options),
      engine_(engine),
      api_(api),
      source_(std::move(source)),
      changed_(std::move(changed)),
      self_(std::make_shared<Preflight*>(this)) {}

std::string Preflight::Missing(const std::string& uid) const {
  const auto it = policies_.find(uid);
  return it == policies_.end() ? "" : it->second.missing;
}

void Preflight::Check(const std::string& uid) {
  if (!options_.enabled) return;
  Entry& entry = policies_[uid];
  entry.pause = absl::ZeroDuration();
  Begin(uid, entry);
}

void Preflight::Begin(const std::string& uid, Entry& entry) {
  entry.round = ++rounds_;
  entry.subjects = source_(uid);
  entry.answers.clear();
  entry.open = 0;
  entry.failed = false;
  Step(uid);
}

Preflight::Answer Preflight::Ask(const Entry& entry, const Question& question,
                                 std::set<Question>& ask) const {
  const auto known = entry.answers.find(question);
  if (known != entry.answers.end()) return known->second ? Answer::kYes : Answer::kNo;
  const auto permitted = permitted_.find(question);
  if (permitted != permitted_.end() && engine_.Now() - permitted->second < kPermitted) {
    return Answer::kYes;
  }
  ask.insert(question);
  return Answer::kAsk;
}

void Preflight::Judge(const Entry& entry, const Subject& subject, const policy::Permission& needed,
                      Findings& findings) const {
  if (needed.watched) return;
  const actions::RbacRule& rule = needed.rule;
  const auto question = [&](const std::string& name_space, const std::string& name) {
    return Question{rule.api_group, rule.resource, rule.verb, name_space, name};
  };
  const auto want = [&](const Question& precise) {
    if (Ask(entry, precise, findings.ask) == Answer::kNo) {
      findings.missing.insert(precise.ToString());
    }
  };
  if (!rule.own_name.empty()) {
    if (rule.own_name != "*" && !subject.own_namespace.empty()) {
      want(question(subject.own_namespace, rule.own_name));
    }
    return;
  }
  if (!rule.name_space.empty()) {
    if (!IsByName(rule)) want(question(rule.name_space, ""));
    return;
  }
  if (Ask(entry, question("", ""), findings.ask) != Answer::kNo) return;
  const std::optional<Places> places = PlacesOf(subject, needed);
  if (!places) {
    findings.undecided = true;
    return;
  }
  size_t asked = 0;
  for (const std::string& name_space : places->namespaces) {
    for (const std::string& name : places->names) {
      if (++asked <= kMaxPlaces) want(question(name_space, name));
    }
  }
}

void Preflight::Step(const std::string& uid) {
  Entry& entry = policies_.at(uid);
  Findings findings;
  for (const Subject& subject : entry.subjects) {
    for (const policy::Permission& needed : subject.permissions) {
      Judge(entry, subject, needed, findings);
    }
  }
  if (!findings.ask.empty()) {
    entry.open = findings.ask.size();
    for (const Question& question : findings.ask) Send(uid, entry.round, question);
    return;
  }
  std::string text;
  for (const std::string& one : findings.missing) text += (text.empty() ? "" : "; ") + one;
  const bool news = text != entry.missing;
  entry.missing = std::move(text);
  if (!entry.missing.empty() || findings.undecided) Again(uid, entry);
  if (news) changed_(uid);
}

void Preflight::Send(const std::string& uid, int64_t round, const Question& question) {
  const size_t slash = question.resource.find('/');
  json attributes = {{"group", question.group},
                     {"resource", question.resource.substr(0, slash)},
                     {"verb", question.verb}};
  if (slash != std::string::npos) attributes["subresource"] = question.resource.substr(slash + 1);
  if (!question.name_space.empty()) attributes["namespace"] = question.name_space;
  if (!question.name.empty()) attributes["name"] = question.name;
  const json review = {{"apiVersion", ReviewResource().gvk.ApiVersion()},
                       {"kind", ReviewResource().gvk.kind},
                       {"spec", {{"resourceAttributes", std::move(attributes)}}}};
  kube::HttpRequest request = kube::CreateObject(ReviewResource(), "", review, {});
  request.timeout = options_.timeout;
  api_.Send(
      std::move(request),
      [weak = std::weak_ptr(self_), uid, round, question](const StatusOr<kube::Reply>& reply) {
        if (auto self = weak.lock()) (*self)->OnAnswer(uid, round, question, reply);
      },
      {.lane = runtime::Lane::kBackground});
}

void Preflight::OnAnswer(const std::string& uid, int64_t round, const Question& question,
                         const StatusOr<kube::Reply>& reply) {
  const auto it = policies_.find(uid);
  if (it == policies_.end() || it->second.round != round) return;
  Entry& entry = it->second;
  const json review = reply.ok() ? json::parse(reply->body, nullptr, false) : json();
  const json status = review.is_object() ? review.value("status", json::object()) : json::object();
  const bool allowed = status.is_object() && status.value("allowed", json(false)) == json(true);
  // "No" because an authorizer could not be asked is no answer.
  if (!status.is_object() || !status.contains("allowed") ||
      (!allowed && status.contains("evaluationError"))) {
    entry.failed = true;
  } else {
    entry.answers[question] = allowed;
  }
  if (allowed) permitted_[question] = engine_.Now();
  if (--entry.open > 0) return;
  if (entry.failed) return Again(uid, entry);
  Step(uid);
}

void Preflight::Again(const std::string& uid, Entry& entry) {
  entry.pause = std::clamp(entry.pause * 2, options_.retry_initial, options_.retry_max);
  engine_.After(entry.pause, [weak = std::weak_ptr(self_), uid, round = entry.round] {
    auto self = weak.lock();
    if (!self) return;
    const auto it = (*self)->policies_.find(uid);
    if (it == (*self)->policies_.end() || it->second.round != round) return;
    (*self)->Begin(uid, it->second);
  });
}

}  // namespace kr::remediation
