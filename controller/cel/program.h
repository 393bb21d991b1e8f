#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "controller/cel/value.h"
#include "controller/document/path.h"

namespace kr::cel {

// Something an expression reads: a variable of the scope and the path below it.
// `related.pods.exists(p, p.spec.nodeName == "a")` reads {related, pods[*].spec.nodeName}.
// The path may be wider than what is really read, never narrower.
struct Read {
  std::string variable;
  document::Path path;
};

// Supplies the variables of an evaluation. Resolve is called at most once per variable and
// evaluation, lazily. An error makes the evaluation fail with it.
class Activation {
 public:
  virtual ~Activation() = default;
  virtual StatusOr<Value> Resolve(std::string_view variable) const = 0;
  // The field of a variable that the scope declares as an object, where an expression names it
  // (`related.pods`), so that nobody builds the fields that are not read; Value::Error when it
  // cannot be had. Called each time. What was computed may hold for a limited time only:
  // `valid_until` is lowered to that. nullopt: the field is taken out of what Resolve gives.
  virtual std::optional<Value> ResolveField(std::string_view /*variable*/,
                                            std::string_view /*field*/,
                                            absl::Time& /*valid_until*/) const {
    return std::nullopt;
  }
};

struct Outcome {
  // The value, or why there is none: InvalidArgument for an error of the expression (no such key,
  // no such overload, division by zero), ResourceExhausted for the cost limit, FailedPrecondition
  // for a read outside a Document's projection; their messages begin with "line:column: " of what
  // failed. An error of the Activation is passed on as it is. Every error means "unknown", never
  // false.
  StatusOr<Value> value = Value();
  // The value holds until then if nothing but the time changes; InfiniteFuture without `now`.
  absl::Time valid_until = absl::InfiniteFuture();
  uint64_t cost = 0;
};

struct Limits {
  uint64_t cost = 1'000'000;  // as Kubernetes' per-call limit
};

// A checked expression. Immutable; thread-safe.
class Program {
 public:
  // InvalidArgument with "line:column: what is wrong" for syntax, undeclared names, type errors,
  // constant patterns that RE2 refuses. With `expected` the result must have that type (or dyn).
  static StatusOr<Program> Compile(std::string_view expression, const Scope& scope,
                                   std::optional<Type> expected = std::nullopt);

  const std::string& text() const;
  const Type& type() const;
  const std::vector<Read>& reads() const;
  bool ReadsVariable(std::string_view variable) const;

  // `now` is what the variable `now` means, if the scope declares it.
  Outcome Evaluate(const Activation& activation, absl::Time now, const Limits& limits = {}) const;

 private:
  struct Impl;
  explicit Program(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace kr::cel
