#include "controller/cel/now_flow.h"

#include <string>
#include <vector>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"

namespace kr::cel {
namespace {

class NowFlow {
 public:
  NowFlow(const Source& source, const std::vector<std::string>& variables, size_t locals)
      : source_(source), variables_(variables), locals_(locals, false) {}

  // Whether the value of `e` may be, or contain, a time that moves with now.
  StatusOr<bool> Moves(const Expr& e) {
    switch (e.kind) {
      case Expr::Kind::kLiteral:
        return false;
      case Expr::Kind::kIdent:
        return e.is_variable ? variables_[static_cast<size_t>(e.slot)] == kNow
                             : locals_[static_cast<size_t>(e.slot)];
      case Expr::Kind::kSelect: {
        KR_ASSIGN_OR_RETURN(const bool moves, Moves(*e.args[0]));
        return moves && !e.test_only;
      }
      case Expr::Kind::kIndex: {
        KR_RETURN_IF_ERROR(Fixed(*e.args[1], "an index or key"));
        return Moves(*e.args[0]);
      }
      case Expr::Kind::kAnd:
      case Expr::Kind::kOr:
        KR_RETURN_IF_ERROR(Any(e.args).status());
        return false;
      case Expr::Kind::kConditional: {
        KR_RETURN_IF_ERROR(Moves(*e.args[0]).status());
        KR_ASSIGN_OR_RETURN(const bool yes, Moves(*e.args[1]));
        KR_ASSIGN_OR_RETURN(const bool no, Moves(*e.args[2]));
        return yes || no;
      }
      case Expr::Kind::kCall:
        return CallMoves(e);
      case Expr::Kind::kList:
        return Any(e.args);
      case Expr::Kind::kMap:
        for (size_t i = 0; i < e.args.size(); i += 2) {
          KR_RETURN_IF_ERROR(Fixed(*e.args[i], "the key of a map"));
        }
        return Any(e.args);
      case Expr::Kind::kMacro:
        return MacroMoves(e);
    }
    return true;
  }

 private:
  StatusOr<bool> Any(const std::vector<ExprPtr>& args) {
    bool any = false;
    for (const ExprPtr& arg : args) {
      KR_ASSIGN_OR_RETURN(const bool moves, Moves(*arg));
      any = any || moves;
    }
    return any;
  }

  Status Fixed(const Expr& e, std::string_view what) {
    KR_ASSIGN_OR_RETURN(const bool moves, Moves(e));
    if (!moves) return OkStatus();
    return source_.ErrorAt(Begin(e), std::string(what) +
                                         " cannot depend on 'now': it would change with every "
                                         "instant");
  }

  StatusOr<bool> CallMoves(const Expr& e) {
    KR_ASSIGN_OR_RETURN(const bool moves, Any(e.args));
    if (!moves) return false;
    if (e.function->now != NowUse::kRefuse) return e.function->now == NowUse::kKeep;
    return source_.ErrorAt(
        e.offset, e.name +
                      "() of a time that depends on 'now' would change with every instant; "
                      "compare times instead: now - timestamp(x) > duration('5m')");
  }

  StatusOr<bool> MacroMoves(const Expr& e) {
    KR_ASSIGN_OR_RETURN(const bool range, Moves(*e.args[0]));
    // Keys never move and indexes neither.
    locals_[static_cast<size_t>(e.slot)] = range && e.second.empty();
    if (!e.second.empty()) locals_[static_cast<size_t>(e.second_slot)] = range;
    bool body = false;
    for (size_t i = 1; i < e.args.size(); ++i) {
      KR_ASSIGN_OR_RETURN(body, Moves(*e.args[i]));
    }
    switch (e.macro) {
      case Macro::kFilter:
      case Macro::kSortBy:
        return range;
      case Macro::kMap:
      case Macro::kMapFilter:
      case Macro::kTransformList:
      case Macro::kTransformMap:
      case Macro::kTransformMapEntry:
      case Macro::kOptMap:
      case Macro::kOptFlatMap:
      case Macro::kBind:
        return body;
      default:
        return false;
    }
  }

  const Source& source_;
  const std::vector<std::string>& variables_;
  std::vector<bool> locals_;
};

}  // namespace

Status CheckNowFlow(const Source& source, const Expr& root,
                    const std::vector<std::string>& variables, size_t locals) {
  KR_ASSIGN_OR_RETURN(const bool moves, NowFlow(source, variables, locals).Moves(root));
  if (!moves) return OkStatus();
  return source.ErrorAt(Begin(root),
                        "the result is a time that depends on 'now' and would change with every "
                        "instant; compare it with something, or take a field such as getHours()");
}

}  // namespace kr::cel
