(** * Ensemble: subnetworks, weight scaling, averages over masks *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask Formulation.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** [thm-count] n units have 2^n masks. *)
Theorem card_mask (I : finType) : #|mask I| = (2 ^ #|I|)%N.
Proof. by rewrite card_ffun card_bool. Qed.

(** [thm-count] The 2^n subnetworks of one linear unit are 2^n different functions if and
    only if none of its weights is zero. *)
Theorem subnetworks_differ_iff (F : fieldType) (I : finType) (v : I -> F) :
  (forall m m' : mask I,
     (forall x, \sum_i v i * ((m i)%:R * x i) = \sum_i v i * ((m' i)%:R * x i)) -> m = m') <->
  (forall i, v i != 0).
Proof.
have unit (m : mask I) i : \sum_j v j * ((m j)%:R * (j == i)%:R) = v i * (m i)%:R.
  rewrite (bigD1 i) //= eqxx mulr1 big1 ?addr0 // => j /negPf ->.
  by rewrite !mulr0.
split=> [differ i | v0 m m' same].
  apply/eqP=> vi0; pose m : mask I := [ffun j => j == i]; pose m' : mask I := [ffun=> false].
  have /ffunP/(_ i) : m = m'; last by rewrite !ffunE eqxx.
  apply: differ => x; apply: eq_bigr => j _; rewrite !ffunE.
  by case: eqP => [->|//]; rewrite vi0 !mul0r.
apply/ffunP=> i; have := same (fun j => (j == i)%:R); rewrite !unit => /(mulfI (v0 i)).
by case: (m i) (m' i) => [] [] // /eqP; rewrite ?oner_eq0 // eq_sym oner_eq0.
Qed.

Section Weights.

Variables (F : realFieldType) (I : finType) (p : F).
Local Notation q := (1 - p).

(** [thm-mask-weights] A mask that keeps |m| of n units weighs p^(n - |m|) q^|m|. *)
Theorem mask_weight (m : mask I) : bernoulli p m = p ^+ (#|I| - kept m) * q ^+ kept m.
Proof. exact: bernoulliE. Qed.

(** [thm-mask-weights] The weights of all masks sum to one. *)
Theorem mask_weights_sum : \sum_(m : mask I) bernoulli p m = 1.
Proof. exact: total_bernoulli. Qed.

(** [thm-mask-weights] All masks of n >= 1 units weigh the same if and only if p is 1/2. *)
Theorem mask_weights_uniform_iff : 0 <= p -> p <= 1 -> (0 < #|I|)%N ->
  (forall m : mask I, bernoulli p m = (2%:R ^+ #|I|)^-1) <-> p = 1 / 2%:R.
Proof.
move=> p0 p1 n0; have q_ge0 : 0 <= q by rewrite subr_ge0.
have two0 : 2%:R != 0 :> F by rewrite pnatr_eq0.
split=> [uniform | -> m]; last first.
  rewrite -exprVn -prodr_const; apply: eq_bigr => i _.
  by rewrite /coin; case: (m i); field.
have := uniform [ffun=> true]; rewrite -(uniform [ffun=> false]) /bernoulli /product.
rewrite (eq_bigr (fun=> q)) => [|i _]; last by rewrite ffunE.
rewrite [RHS](eq_bigr (fun=> p)) => [|i _]; last by rewrite ffunE.
rewrite !prodr_const => /(pexpIrn n0) qp.
by apply: (mulIf two0); rewrite divfK // mulr_natr mulr2n -{1}qp ?subrK.
Qed.

End Weights.

(** ** Weight scaling *)

Section Linear.

Variables (F : fieldType) (I : finType).
Implicit Types (x y : I -> F) (p : F).

(** A deep linear network with the multipliers [s l j] in front of layer [l]; layers of
    other widths are padded with zeros. *)
Fixpoint net L : ('I_L -> I -> I -> F) -> ('I_L -> I -> F) -> ('I_L -> I -> F) ->
    (I -> F) -> I -> F :=
  if L is L'.+1 then fun W b s x =>
    net (fun l => W (lift ord0 l)) (fun l => b (lift ord0 l)) (fun l => s (lift ord0 l))
        (fun k => \sum_j W ord0 k j * (s ord0 j * x j) + b ord0 k)
  else fun _ _ _ x => x.

Lemma eq_net L (W : 'I_L -> I -> I -> F) b s s' x y :
  (forall l, s l =1 s' l) -> x =1 y -> net W b s x =1 net W b s' y.
Proof.
elim: L W b s s' x y => [|L IH] W b s s' x y ss' xy //=.
apply: IH => [l|k]; first exact: ss'.
by congr (_ + _); apply: eq_bigr => j _; rewrite ss' xy.
Qed.

Lemma expect_net (A : finType) (P : A -> F) L (W : 'I_L -> I -> I -> F) b s (x : A -> I -> F) k :
  total P = 1 ->
  expect P (fun a => net W b s (x a) k) = net W b s (fun j => expect P (fun a => x a j)) k.
Proof.
move=> P1; elim: L W b s x => [|L IH] W b s x //=; rewrite IH; apply: eq_net => // i.
rewrite expectD expect_const // (expect_sum P (fun j a => W ord0 i j * (s ord0 j * x a j))).
by congr (_ + _); apply: eq_bigr => j _; rewrite !expectZ.
Qed.

(** [thm-weight-scaling-linear] In a deep linear network with independent masks in front
    of its layers, the mean over all masks is the network in which each mask is replaced
    by its keep probability. *)
Theorem weight_scaling_linear L (p : 'I_L -> F) (W : 'I_L -> I -> I -> F) b x k :
  expect (product (fun l => bernoulli (p l)))
         (fun m : {ffun 'I_L -> mask I} => net W b (fun l j => (m l j)%:R) x k) =
  net W b (fun l _ => 1 - p l) x k.
Proof.
elim: L p W b x => [|L IH] p W b x.
  by rewrite (expect_ord0 _ _ [ffun=> [ffun=> true]]).
pose layer (m : mask I) i := \sum_j W ord0 i j * ((m j)%:R * x j) + b ord0 i.
rewrite expect_recl /=; transitivity (expect (bernoulli (p ord0)) (fun m0 : mask I =>
    net (fun l => W (lift ord0 l)) (fun l => b (lift ord0 l)) (fun l _ => 1 - p (lift ord0 l))
        (layer m0) k)).
  apply: eq_expect => m0; rewrite -IH; apply: eq_expect => m; apply: eq_net => [l j|i].
    by rewrite fconsS.
  by rewrite fcons0.
rewrite expect_net ?total_bernoulli //; apply: eq_net => // i.
rewrite expectD expect_const ?total_bernoulli //; congr (_ + _).
rewrite (expect_sum _ (fun j (m : mask I) => W ord0 i j * ((m j)%:R * x j))).
apply: eq_bigr => j _; rewrite expectZ; congr (_ * _).
rewrite (expect_bernoulli _ j (fun b => b%:R * x j)) /=; ring.
Qed.

Lemma expect_keep2 p (i j : I) :
  expect (bernoulli p) (fun m => (m i)%:R * (m j)%:R) = (1 - p) ^+ 2 + (i == j)%:R * (p * (1 - p)).
Proof.
case: (eqVneq i j) => [-> | ij].
  by rewrite (expect_bernoulli p j (fun b => b%:R * b%:R)) /=; ring.
by rewrite (expect_bernoulli2 p (fun b => b%:R) (fun b => b%:R) ij) /=; ring.
Qed.

Lemma expect_keep p (i : I) : expect (bernoulli p) (fun m => (m i)%:R) = 1 - p.
Proof. by rewrite (expect_bernoulli p i (fun b => b%:R)) /=; ring. Qed.

(** [thm-weight-scaling-linear] If one mask serves in two layers, the mean exceeds the
    scaled network by p q times the sum of v_i W_ii x_i. *)
Theorem weight_scaling_shared p (v : I -> F) (W : I -> I -> F) b c x :
  expect (bernoulli p)
    (fun m => \sum_i v i * ((m i)%:R * (\sum_j W i j * ((m j)%:R * x j) + b i)) + c) =
  \sum_i v i * ((1 - p) * (\sum_j W i j * ((1 - p) * x j) + b i)) + c
  + p * (1 - p) * \sum_i v i * W i i * x i.
Proof.
rewrite expectD expect_const ?total_bernoulli // addrAC; congr (_ + _).
rewrite (expect_sum _ (fun i (m : mask I) => v i * ((m i)%:R * (\sum_j W i j * ((m j)%:R * x j) + b i)))).
rewrite mulr_sumr -big_split; apply: eq_bigr => i _ /=.
transitivity (expect (bernoulli p) (fun m : mask I =>
  \sum_j (v i * W i j * x j) * ((m i)%:R * (m j)%:R) + (v i * b i) * (m i)%:R)).
  apply: eq_expect => m; rewrite !mulrDr !mulr_sumr; congr (_ + _); last by ring.
  by apply: eq_bigr => j _; ring.
rewrite expectD expectZ expect_keep.
rewrite (expect_sum _ (fun j (m : mask I) => (v i * W i j * x j) * ((m i)%:R * (m j)%:R))).
under eq_bigr => j _ do rewrite expectZ expect_keep2 mulrDr.
rewrite big_split /=; have -> : \sum_j v i * W i j * x j * ((i == j)%:R * (p * (1 - p))) =
    v i * W i i * x i * (p * (1 - p)).
  rewrite (bigD1 i) //= eqxx mul1r big1 ?addr0 // => j.
  by rewrite eq_sym => /negPf ->; rewrite mul0r mulr0.
rewrite !mulrDr !mulr_sumr.
have -> : \sum_j v i * W i j * x j * (1 - p) ^+ 2 =
          \sum_j v i * ((1 - p) * (W i j * ((1 - p) * x j))).
  by apply: eq_bigr => j _; ring.
by move: (\sum_j _) => S /=; ring.
Qed.

End Linear.

(** ** ReLU networks *)

Section Relu.

Variables (F : realFieldType).

Definition relu (z : F) := Num.max 0 z.

Lemma reluE z : relu z = (z + `|z|) / 2%:R.
Proof.
have two0 : 2%:R != 0 :> F by rewrite pnatr_eq0.
by apply: (mulIf two0); rewrite divfK // /relu; case: ger0P => _; ring.
Qed.

(** [thm-relu-gap] The mean of a ReLU network over masks exceeds the scaled network by the
    sum of v_k g_k with g_k = (E|Z_k| - |E Z_k|) / 2. *)
Theorem relu_gap (I K : finType) (p : F) (W : K -> I -> F) (b v : K -> F) (c : F) (x : I -> F) :
  let Z (m : mask I) k := \sum_i W k i * ((m i)%:R * x i) + b k in
  let EZ k := \sum_i W k i * ((1 - p) * x i) + b k in
  expect (bernoulli p) (fun m => c + \sum_k v k * relu (Z m k)) - (c + \sum_k v k * relu (EZ k)) =
  \sum_k v k * ((expect (bernoulli p) (fun m => `|Z m k|) - `|EZ k|) / 2%:R).
Proof.
move=> Z EZ; have two0 : 2%:R != 0 :> F by rewrite pnatr_eq0.
have EZE k : expect (bernoulli p) (fun m => Z m k) = EZ k.
  rewrite expectD expect_const ?total_bernoulli //; congr (_ + _).
  rewrite (expect_sum _ (fun i (m : mask I) => W k i * ((m i)%:R * x i))).
  apply: eq_bigr => i _; rewrite expectZ; congr (_ * _).
  by rewrite (expect_bernoulli p i (fun b => b%:R * x i)) /=; ring.
rewrite expectD expect_const ?total_bernoulli // opprD addrACA subrr add0r.
rewrite (expect_sum _ (fun k m => v k * relu (Z m k))) -sumrB; apply: eq_bigr => k _.
rewrite expectZ -mulrBr; congr (_ * _).
transitivity (expect (bernoulli p) (fun m => 2%:R^-1 * (Z m k + `|Z m k|)) - relu (EZ k)).
  by congr (_ - _); apply: eq_expect => m; rewrite reluE mulrC.
by rewrite expectZ expectD EZE reluE mulrC -mulrBl opprD addrACA subrr add0r.
Qed.

Variables (A : finType) (P Z : A -> F).
Hypotheses (P_ge0 : forall a, 0 <= P a) (P1 : total P = 1).

Lemma expect_ge0 (f : A -> F) : (forall a, 0 <= f a) -> 0 <= expect P f.
Proof. by move=> f0; apply: sumr_ge0 => a _; apply: mulr_ge0. Qed.

Lemma var_ge0 (f : A -> F) : 0 <= var P f.
Proof. by apply: expect_ge0 => a; apply: sqr_ge0. Qed.

(** [thm-relu-gap] Each gap is at least zero, and its square is at most a quarter of the
    variance of the preactivation. *)
Theorem relu_gap_bounds : let g := (expect P (fun a => `|Z a|) - `|expect P Z|) / 2%:R in
  0 <= g /\ g ^+ 2 <= var P Z / 4%:R.
Proof.
move=> g; have two0 : 2%:R != 0 :> F by rewrite pnatr_eq0.
have gap : 0 <= expect P (fun a => `|Z a|) - `|expect P Z|.
  rewrite subr_ge0 /expect; apply: le_trans (ler_norm_sum _ _ _) _.
  by rewrite le_eqVlt; apply/orP; left; apply/eqP/eq_bigr => a _; rewrite normrM ger0_norm.
split; first by rewrite divr_ge0 ?ler0n.
have -> : g ^+ 2 = (expect P (fun a => `|Z a|) - `|expect P Z|) ^+ 2 / 4%:R.
  by rewrite /g; field.
rewrite -subr_ge0 -mulrBl divr_ge0 ?ler0n //.
have sq z : `|z| ^+ 2 = z ^+ 2 :> F by rewrite real_normK ?num_real.
rewrite varE // -(eq_expect P (fun a => sq (Z a))) -(sq (expect P Z)).
have := var_ge0 (fun a => `|Z a|); rewrite varE //.
move: gap (normr_ge0 (expect P Z)).
move: (expect P (fun a => _ ^+ 2)) (expect P _) `|_| => s a b ab b0 sa.
have -> : s - b ^+ 2 - (a - b) ^+ 2 = (s - a ^+ 2) + 2%:R * (b * (a - b)) by ring.
by rewrite addr_ge0 // mulr_ge0 ?ler0n // mulr_ge0.
Qed.

End Relu.

(** ** The ambiguity decomposition and averages of draws *)

Section Ambiguity.

Variables (F : fieldType) (A : finType) (P : A -> F).
Hypothesis P1 : total P = 1.

(** [thm-ambiguity] The squared error of the weighted mean is the mean squared error of
    the members minus their diversity. *)
Theorem ambiguity (f : A -> F) (y : F) :
  (expect P f - y) ^+ 2 =
  expect P (fun a => (f a - y) ^+ 2) - expect P (fun a => (f a - expect P f) ^+ 2).
Proof.
set mu := expect P f; rewrite -expectB.
transitivity (expect P (fun a => (2%:R * (mu - y)) * f a + (y ^+ 2 - mu ^+ 2))).
  by rewrite expectD expectZ expect_const // -/mu; ring.
by apply: eq_expect => a; ring.
Qed.

(** The mean of [T] independent draws. *)
Definition average T (f : A -> F) (w : {ffun 'I_T -> A}) := (\sum_t f (w t)) / T%:R.

Variables (T : nat) (f : A -> F).
Hypothesis T0 : T%:R != 0 :> F.
Local Notation draws := (product (fun _ : 'I_T => P)).

(** [approx-mc-rate] The mean of T independent draws has the mean of one draw. *)
Theorem mean_average : expect draws (average f) = expect P f.
Proof.
transitivity (expect draws (fun w => T%:R^-1 * \sum_t f (w t))).
  by apply: eq_expect => w; rewrite mulrC.
rewrite expectZ (expect_sum draws (fun t w => f (w t))).
rewrite (eq_bigr (fun=> expect P f)) => [|t _]; last by rewrite expect_one.
by rewrite sumr_const card_ord -[expect P f *+ T]mulr_natl mulKf.
Qed.

(** [approx-mc-rate] Its mean squared error is the variance of one draw divided by T. *)
Theorem mse_average :
  expect draws (fun w => (average f w - expect P f) ^+ 2) = var P f / T%:R.
Proof.
transitivity (var draws (average f)); first by rewrite /var /cov mean_average.
have scale : average (T := T) f =1 (fun w => T%:R^-1 * \sum_t f (w t)) by move=> w; apply: mulrC.
rewrite /var (eq_cov _ scale scale).
rewrite covZ (cov_diag _ (fun=> f) (fun=> f)) //.
by rewrite sumr_const card_ord -[cov P f f *+ T]mulr_natl; field.
Qed.

End Ambiguity.

(** [thm-ambiguity] The weighted mean is never worse than its members are on average. *)
Theorem ensemble_no_worse (F : realFieldType) (A : finType) (P f : A -> F) (y : F) :
  (forall a, 0 <= P a) -> total P = 1 ->
  (expect P f - y) ^+ 2 <= expect P (fun a => (f a - y) ^+ 2).
Proof.
move=> P0 P1; rewrite ambiguity // -subr_ge0 opprB addrC subrK.
by apply: expect_ge0 => // a; apply: sqr_ge0.
Qed.
