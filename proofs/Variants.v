(** * Variants: groups, paths, connections, alpha dropout, attention, blocks *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask Formulation Ensemble Bayesian.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Groups.

Variables (F : fieldType) (I : finType) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.
Implicit Types (x y : I -> F) (N : F).

(** [thm-spatial-variance] The mean of a group whose units are dropped singly has the
    variance (p/q) sum_i x_i^2 / N^2 (N is the number of units). *)
Theorem var_group_units x N :
  var (bernoulli p) (fun m => N^-1 * \sum_i dropout p x m i) =
  p / q * (\sum_i x i ^+ 2) / N ^+ 2.
Proof.
rewrite /var covZ cov_sum_dropout //.
have -> : \sum_i x i * x i = \sum_i x i ^+ 2 by apply: eq_bigr.
by rewrite -exprVn; move: (\sum_i _) => S; ring.
Qed.

(** [thm-spatial-variance] If the group is dropped as one, it is (p/q) times the square
    of its mean. *)
Theorem var_group_whole x N :
  var (coin p) (fun b => N^-1 * \sum_i x i * factor p b) = p / q * (N^-1 * \sum_i x i) ^+ 2.
Proof.
rewrite varE ?total_coin // !expect_coin -!mulr_suml /factor /=.
by move: (\sum_i _) N^-1 => S c; field.
Qed.

(** [thm-spatial-variance] Both means are that of the group. *)
Theorem mean_group x N :
  expect (bernoulli p) (fun m => N^-1 * \sum_i dropout p x m i) = N^-1 * (\sum_i x i) /\
  expect (coin p) (fun b => N^-1 * \sum_i x i * factor p b) = N^-1 * (\sum_i x i).
Proof.
split; first by rewrite expectZ expect_sum_dropout.
by rewrite expect_coin -!mulr_suml /factor /=; move: (\sum_i _) N^-1 => S c; field.
Qed.

(** [thm-attention-rows] A row of attention with weights that sum to one keeps the mean 1,
    has the variance (p/q) sum_k a_k^2, *)
Theorem attention_row (a : I -> F) : \sum_k a k = 1 ->
  expect (bernoulli p) (fun m => \sum_k dropout p a m k) = 1 /\
  var (bernoulli p) (fun m => \sum_k dropout p a m k) = p / q * \sum_k a k ^+ 2.
Proof.
move=> a1; rewrite expect_sum_dropout //; split=> //.
by rewrite /var cov_sum_dropout //; congr (_ * _); apply: eq_bigr.
Qed.

(** [thm-attention-rows] and is entirely zero with probability p^n if no weight is zero. *)
Theorem attention_row_empty (a : I -> F) : (forall k, a k != 0) ->
  expect (bernoulli p) (fun m => [forall k, dropout p a m k == 0]%:R) = p ^+ #|I|.
Proof.
move=> a0; transitivity (expect (bernoulli p) (fun m : mask I => \prod_k (~~ m k)%:R)).
  apply: eq_expect => m; have zero k : (dropout p a m k == 0) = ~~ m k.
    rewrite /dropout /factor !mulf_eq0 invr_eq0 (negPf q0) (negPf (a0 k)) orbF /=.
    by case: (m k); rewrite ?oner_eq0 ?eqxx.
  case: forallP => [all0 | some].
    by rewrite big1 // => k _; rewrite -zero all0.
  case: (altP (@forallP _ (fun k => ~~ m k))) => [none | /forallPn[k]].
    by case: some => k; rewrite zero.
  by rewrite negbK => mk; rewrite (bigD1 k) //= mk mul0r.
rewrite /bernoulli (expect_prod (fun _ => coin p) (fun _ (b : bool) => (~~ b)%:R)).
rewrite (eq_bigr (fun=> p)) ?prodr_const // => k _.
by rewrite expect_coin /= mulr0 mulr1 add0r.
Qed.

End Groups.

Section DropPath.

Variables (F : fieldType) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.

(** [thm-droppath] A residual block x + f(x) m/q has the mean x + f(x) and the variance
    (p/q) f(x)^2. *)
Theorem droppath_moments (x f : F) :
  expect (coin p) (fun b => x + f * factor p b) = x + f /\
  var (coin p) (fun b => x + f * factor p b) = p / q * f ^+ 2.
Proof.
by rewrite varE ?total_coin // !expect_coin /factor /=; split; field.
Qed.

(** [thm-droppath] With one draw for the batch the outputs of two samples have the
    covariance (p/q) f(x_s) f(x_t); with draws of their own they are uncorrelated. *)
Theorem droppath_cov (x f x' f' : F) :
  cov (coin p) (fun b => x + f * factor p b) (fun b => x' + f' * factor p b) =
  p / q * (f * f').
Proof. by rewrite covE ?total_coin // !expect_coin /factor /=; field. Qed.

(** [thm-droppath] If block l of L survives with probability 1 - (l/L) (1 - q_L), the
    expected number of surviving blocks is L - (L + 1)/2 (1 - q_L). *)
Theorem droppath_depth (L : nat) (qL : F) : L%:R != 0 :> F -> 2%:R != 0 :> F ->
  let dropped (l : 'I_L) := l.+1%:R / L%:R * (1 - qL) in
  expect (product (fun l => coin (dropped l))) (fun m => \sum_l (m l)%:R) =
  L%:R - (L%:R + 1) / 2%:R * (1 - qL).
Proof.
move=> L0 two0 dropped.
rewrite (expect_sum _ (fun l (m : mask _) => (m l)%:R)).
rewrite (eq_bigr (fun l : 'I_L => 1 - dropped l)) => [|l _]; last first.
  rewrite (expect_one (fun l => total_coin (dropped l)) l (fun b : bool => b%:R)).
  by rewrite expect_coin /= mulr0 addr0 mulr1.
rewrite sumrB sumr_const card_ord; congr (_ - _).
rewrite /dropped -!mulr_suml; congr (_ * _).
have sum n : \sum_(l < n) l.+1%:R * 2%:R = n%:R * (n%:R + 1) :> F.
  elim: n => [|n IH]; first by rewrite big_ord0 mul0r.
  by rewrite big_ord_recr /= IH -[n.+1]addn1 natrD; ring.
by apply: (mulIf two0); rewrite divfK // mulrAC mulr_suml sum mulrAC divff // mul1r.
Qed.

End DropPath.

Section DropConnect.

Variables (F : fieldType) (I K : finType) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.
Variables (W : K -> I -> F) (v : I -> F).

(** The output of DropConnect, not scaled, and that of masked inputs. *)
Definition connect (M : {ffun K * I -> bool}) i := \sum_j (M (i, j))%:R * W i j * v j.
Definition inputs (m : mask I) i := \sum_j W i j * ((m j)%:R * v j).

Lemma connectE i : (fun M => connect M i) =1 (fun M => q * entries p W v M i).
Proof.
move=> M; rewrite mulr_sumr; apply: eq_bigr => j _; rewrite /factor.
by move: (M _)%:R (W i j) (v j) => a b c; field.
Qed.

Lemma inputsE i : (fun m => inputs m i) =1 (fun m => q * columns p W v m i).
Proof.
move=> m; rewrite mulr_sumr; apply: eq_bigr => j _; rewrite /dropout /factor.
by move: (m _)%:R (W i j) (v j) => a b c; field.
Qed.

(** [thm-dropconnect-moments] Masking the weights, the output has the mean q W v and the
    variance p q sum_j W_ij^2 v_j^2, *)
Theorem dropconnect_mean_var i :
  expect (bernoulli p) (fun M => connect M i) = q * (\sum_j W i j * v j) /\
  var (bernoulli p) (fun M => connect M i) = p * q * \sum_j W i j ^+ 2 * v j ^+ 2.
Proof.
split.
  by rewrite (eq_expect _ (connectE i)) expectZ (mean_columns_entries q0 W v i).2.
rewrite /var (eq_cov _ (connectE i) (connectE i)) covZ.
have := var_entries q0 W v i; rewrite /var => ->.
by move: (\sum_j _) => S; field.
Qed.

(** [thm-dropconnect-moments] and two outputs are uncorrelated; *)
Theorem dropconnect_cov i k : i != k ->
  cov (bernoulli p) (fun M => connect M i) (fun M => connect M k) = 0.
Proof.
by move=> ik; rewrite (eq_cov _ (connectE i) (connectE k)) covZ cov_entries ?mulr0.
Qed.

(** [thm-dropconnect-moments] masking the inputs, they have the covariance
    p q sum_j W_ij W_kj v_j^2. *)
Theorem dropconnect_inputs_cov i k :
  cov (bernoulli p) (fun m => inputs m i) (fun m => inputs m k) =
  p * q * \sum_j W i j * W k j * v j ^+ 2.
Proof.
rewrite (eq_cov _ (inputsE i) (inputsE k)) covZ cov_columns //.
by move: (\sum_j _) => S; field.
Qed.

End DropConnect.

(** [thm-alpha] If x has mean 0 and variance 1 and a^2 q (1 + p alpha^2) = 1, b = -a p alpha,
    then a (x m + alpha (1 - m)) + b has mean 0 and variance 1. *)
Theorem alpha_dropout (F : fieldType) (A : finType) (P x : A -> F) (p a b alpha : F) :
  total P = 1 -> expect P x = 0 -> expect P (fun i => x i ^+ 2) = 1 ->
  a ^+ 2 * ((1 - p) * (1 + p * alpha ^+ 2)) = 1 -> b = - a * p * alpha ->
  let out := fun im : A * bool => a * (x im.1 * im.2%:R + alpha * (1 - im.2%:R)) + b in
  expect (pair P (coin p)) out = 0 /\ var (pair P (coin p)) out = 1.
Proof.
move=> P1 x0 x1 aE bE out.
have mean : expect (pair P (coin p)) out = 0.
  rewrite expect_pair; transitivity (expect P (fun i => (a * (1 - p)) * x i + 0)).
    by apply: eq_expect => i; rewrite expect_coin /out /= bE; ring.
  by rewrite expectD expectZ x0 expect_const // mulr0 addr0.
split=> //; rewrite varE ?total_pair ?total_coin // mean expr0n subr0 expect_pair.
transitivity (expect P (fun i => (a ^+ 2 * (1 - p)) * x i ^+ 2
    + (2%:R * a * (1 - p) * b) * x i + ((1 - p) * b ^+ 2 + p * (a * alpha + b) ^+ 2))).
  by apply: eq_expect => i; rewrite expect_coin /out /=; ring.
by rewrite expectD (expect_const _ P1) expectD !expectZ x0 x1 -[RHS]aE bE; ring.
Qed.

(** [approx-dropblock] If seeds are set alone with probability gamma, the unit covered by
    n_i places for a seed is dropped with probability 1 - (1 - gamma)^n_i. *)
Theorem dropblock_rate (F : fieldType) (S : finType) (gamma : F) (cover : {set S}) :
  1 - expect (bernoulli gamma) (fun seedless : mask S => \prod_(s in cover) (seedless s)%:R) =
  1 - (1 - gamma) ^+ #|cover|.
Proof.
congr (1 - _); rewrite (expect_prod_in (fun _ => total_coin gamma) (mem cover)
  (fun _ (b : bool) => b%:R)).
rewrite (eq_bigr (fun=> 1 - gamma)) ?prodr_const // => s _.
by rewrite expect_coin /= mulr1 mulr0 addr0.
Qed.
