(** * Bayesian: columns and entries, passes, variances *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask Formulation Ensemble.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Columns.

Variables (F : fieldType) (I K : finType) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.
Variables (W : K -> I -> F) (x : I -> F).
Implicit Types (i k : K).

(** Output [i] of the layer when its inputs are masked, and when its weights are: one
    mask for each entry. *)
Definition columns (m : mask I) i := \sum_j W i j * dropout p x m j.
Definition entries (m : {ffun K * I -> bool}) i := \sum_j W i j * factor p (m (i, j)) * x j.

Lemma columnsE i : (fun m => columns m i) =1 (fun m => \sum_j dropout p (fun j => W i j * x j) m j).
Proof. by move=> m; apply: eq_bigr => j _; rewrite /dropout mulrA. Qed.

Lemma sum_row i (f : K -> I -> F) :
  \sum_(kj : K * I) (kj.1 == i)%:R * f kj.1 kj.2 = \sum_j f i j.
Proof.
transitivity (\sum_k \sum_j (k == i)%:R * f k j); first by rewrite pair_bigA.
rewrite (bigD1 i) //= [X in _ + X]big1 ?addr0 => [|k /negPf ki].
  by apply: eq_bigr => j _; rewrite eqxx mul1r.
by rewrite big1 // => j _; rewrite ki mul0r.
Qed.

(** The weights behind the entries of row [i] only. *)
Definition row_of i (kj : K * I) := (kj.1 == i)%:R * (W kj.1 kj.2 * x kj.2).

Lemma entriesE i : (fun m => entries m i) =1 (fun m => \sum_kj dropout p (row_of i) m kj).
Proof.
move=> m; rewrite -[LHS](sum_row i (fun k j => W k j * factor p (m (k, j)) * x j)).
by apply: eq_bigr => -[k j] _; rewrite /dropout /row_of /=; ring.
Qed.

(** [thm-column-masks] Masking the inputs, two outputs have the covariance
    (p/q) sum_j w_ij w_kj x_j^2. *)
Theorem cov_columns i k :
  cov (bernoulli p) (fun m => columns m i) (fun m => columns m k) =
  p / q * \sum_j W i j * W k j * x j ^+ 2.
Proof.
rewrite (eq_cov _ (columnsE i) (columnsE k)) cov_sum_dropout //; congr (_ * _).
by apply: eq_bigr => j _; ring.
Qed.

(** [thm-column-masks] Masking single entries, two different outputs are uncorrelated. *)
Theorem cov_entries i k : i != k ->
  cov (bernoulli p) (fun m => entries m i) (fun m => entries m k) = 0.
Proof.
move=> ik; rewrite (eq_cov _ (entriesE i) (entriesE k)) cov_sum_dropout //.
rewrite big1 ?mulr0 // => -[l j] _; rewrite /row_of /=; case: (eqVneq l i) => [->|_].
  by rewrite (negPf ik) mul0r mulr0.
by rewrite !mul0r.
Qed.

(** [thm-column-masks] The variance of one output is the same for both. *)
Theorem var_entries i :
  var (bernoulli p) (fun m => entries m i) = p / q * \sum_j W i j ^+ 2 * x j ^+ 2.
Proof.
rewrite /var (eq_cov _ (entriesE i) (entriesE i)) cov_sum_dropout //; congr (_ * _).
rewrite -[\sum_j _ in RHS](sum_row i (fun k j => W k j ^+ 2 * x j ^+ 2)); apply: eq_bigr => -[k j] _.
by rewrite /row_of /=; case: eqP => _ /=; ring.
Qed.

(** [thm-column-masks] The mean of an output is W x for both. *)
Theorem mean_columns_entries i :
  expect (bernoulli p) (fun m => columns m i) = \sum_j W i j * x j /\
  expect (bernoulli p) (fun m => entries m i) = \sum_j W i j * x j.
Proof.
split; first by rewrite (eq_expect _ (columnsE i)) expect_sum_dropout.
rewrite (eq_expect _ (entriesE i)) expect_sum_dropout //.
exact: (sum_row i (fun k j => W k j * x j)).
Qed.

End Columns.

Section Passes.

Variables (F : fieldType) (A : finType) (P f : A -> F) (T : nat).
Hypotheses (P1 : total P = 1) (T0 : T%:R != 0 :> F) (T1 : T%:R - 1 != 0 :> F).
Local Notation draws := (product (fun _ : 'I_T => P)).

(** [thm-predictive-mean] The mean of T passes is unbiased. *)
Theorem predictive_mean : expect draws (average (T := T) f) = expect P f.
Proof. exact: mean_average. Qed.

(** [thm-predictive-mean] The sample variance with the divisor T - 1 is unbiased. *)
Theorem predictive_variance :
  expect draws (fun w => (\sum_t (f (w t) - average f w) ^+ 2) / (T%:R - 1)) = var P f.
Proof.
pose mu := expect P f.
transitivity (expect draws (fun w => (T%:R - 1)^-1 *
  (\sum_t (f (w t) - mu) ^+ 2 - T%:R * (average f w - mu) ^+ 2))).
  apply: eq_expect => w; rewrite mulrC; congr (_ * _).
  have S : \sum_t f (w t) = T%:R * average f w by rewrite /average mulrC divfK.
  have N (c : F) : \sum_(t < T) c = T%:R * c by rewrite sumr_const card_ord -[c *+ T]mulr_natl.
  move: S; move: (average f w) => a S.
  have E c : \sum_t (f (w t) - c) ^+ 2 = \sum_t f (w t) ^+ 2 - 2%:R * c * (T%:R * a) + T%:R * c ^+ 2.
    rewrite -S -N mulr_sumr -sumrB -big_split; apply: eq_bigr => t _ /=; ring.
  by rewrite !E; ring.
rewrite expectZ expectB expectZ mse_average // -/mu.
rewrite (expect_sum draws (fun t w => (f (w t) - mu) ^+ 2)).
rewrite (eq_bigr (fun=> var P f)) => [|t _]; last first.
  by rewrite (expect_one (fun _ => P1) t (fun a => (f a - mu) ^+ 2)).
rewrite sumr_const card_ord -[var P f *+ T]mulr_natl.
by move: (var P f) => v; field; rewrite T0.
Qed.

End Passes.

Section Pairs.

Variables (F : fieldType) (A B : finType) (P : A -> F) (Q : B -> F).
Hypotheses (P1 : total P = 1) (Q1 : total Q = 1).

(** [thm-total-variance] The noise e of an observation, with mean zero and independent of
    the mask, adds its variance to that of the prediction f over masks. *)
Theorem total_variance (f : A -> F) (e : B -> F) : expect Q e = 0 ->
  var (pair P Q) (fun ab => f ab.1 + e ab.2) = var Q e + var P f.
Proof.
move=> e0; rewrite !varE ?total_pair // e0 !expect_pair /=.
have m a : expect Q (fun b => f a + e b) = f a by rewrite expectD e0 expect_const ?addr0.
rewrite (eq_expect _ m); have s a : expect Q (fun b => (f a + e b) ^+ 2) =
    f a ^+ 2 + expect Q (fun b => e b ^+ 2).
  transitivity (expect Q (fun b => f a ^+ 2 + (2%:R * f a) * e b + e b ^+ 2)).
    by apply: eq_expect => b; ring.
  by rewrite !expectD expectZ e0 expect_const // mulr0 addr0.
by rewrite (eq_expect _ s) expectD (expect_const _ P1); ring.
Qed.

(** [thm-shared-mask] The difference of two predictions with masks of their own has the
    sum of the two variances. *)
Theorem var_difference_independent (f : A -> F) (f' : B -> F) :
  var (pair P Q) (fun ab => f' ab.2 - f ab.1) = var P f + var Q f'.
Proof.
rewrite !varE ?total_pair // !expect_pair /=.
have m a : expect Q (fun b => f' b - f a) = expect Q f' - f a by rewrite expectB expect_const.
have s a : expect Q (fun b => (f' b - f a) ^+ 2) =
    expect Q (fun b => f' b ^+ 2) - (2%:R * expect Q f') * f a + f a ^+ 2.
  transitivity (expect Q (fun b => f' b ^+ 2 - (2%:R * f a) * f' b + f a ^+ 2)).
    by apply: eq_expect => b; ring.
  by rewrite expectD expectB expectZ expect_const //; ring.
rewrite (eq_expect _ m) (eq_expect _ s) expectD !expectB expectZ !(expect_const _ P1).
by move: (expect P _) (expect P _) (expect Q _) (expect Q _) => a b c d; ring.
Qed.

End Pairs.

Section InBetween.

Variables (F : realFieldType) (n : nat) (J : finType) (p : F).
Local Notation q := (1 - p).
Hypotheses (p_ge0 : 0 <= p) (p_lt1 : p < 1).
Variables (a : J -> 'rV[F]_n) (b w : J -> F) (c : F).

Definition hidden (x : 'rV[F]_n) j := relu ((a j *m x^T) 0 0 + b j).
Definition output (x : 'rV[F]_n) (m : mask J) := c + \sum_j w j * dropout p (hidden x) m j.

Let q_gt0 : 0 < q. Proof. by rewrite subr_gt0. Qed.
Let q0 : q != 0. Proof. exact: lt0r_neq0. Qed.

Lemma outputE x : output x =1 (fun m => c + \sum_j dropout p (fun j => w j * hidden x j) m j).
Proof. by move=> m; congr (_ + _); apply: eq_bigr => j _; rewrite /dropout mulrA. Qed.

(** [thm-no-in-between] The variance of one hidden layer of ReLUs with dropout on its
    units is (p/q) sum_j w_j^2 relu(z_j)^2. *)
Theorem var_hidden_layer x :
  var (bernoulli p) (output x) = p / q * \sum_j w j ^+ 2 * hidden x j ^+ 2.
Proof.
rewrite /var (eq_cov _ (outputE x) (outputE x)) cov_shift ?total_bernoulli //.
by rewrite cov_sum_dropout //; congr (_ * _); apply: eq_bigr => j _; ring.
Qed.

Lemma relu_ge0 (z : F) : 0 <= relu z.
Proof. by rewrite /relu; case: (lerP 0 z). Qed.

Lemma relu_ge (z : F) : z <= relu z.
Proof. by rewrite /relu; case: (lerP 0 z) => // /ltW. Qed.

Lemma relu_le (z u : F) : 0 <= u -> z <= u -> relu z <= u.
Proof. by rewrite /relu; case: (lerP 0 z). Qed.

Lemma sqr_relu_convex (z z' t : F) : 0 <= t -> t <= 1 ->
  relu (t * z + (1 - t) * z') ^+ 2 <= t * relu z ^+ 2 + (1 - t) * relu z' ^+ 2.
Proof.
move=> t0 t1; have s0 : 0 <= 1 - t by rewrite subr_ge0.
set u := t * relu z + (1 - t) * relu z'.
have u0 : 0 <= u by rewrite addr_ge0 // mulr_ge0 ?relu_ge0.
have le_u : relu (t * z + (1 - t) * z') <= u.
  apply: relu_le => //; rewrite -subr_ge0 opprD addrACA -!mulrBr.
  by rewrite addr_ge0 // mulr_ge0 ?subr_ge0 ?relu_ge.
apply: (@le_trans _ _ (u ^+ 2)).
  by rewrite -subr_ge0 subr_sqr mulr_ge0 ?subr_ge0 // addr_ge0 ?relu_ge0.
have -> : t * relu z ^+ 2 + (1 - t) * relu z' ^+ 2 =
          u ^+ 2 + t * (1 - t) * (relu z - relu z') ^+ 2 by rewrite /u; ring.
by rewrite -subr_ge0 addrC addKr mulr_ge0 ?sqr_ge0 // mulr_ge0.
Qed.

(** [thm-no-in-between] This variance is a convex function of the input. *)
Theorem var_hidden_layer_convex : convex (fun x => var (bernoulli p) (output x)).
Proof.
move=> x y t t0 t1; rewrite !var_hidden_layer -subr_ge0.
have -> : forall V V' V'' : F, t * (p / q * V) + (1 - t) * (p / q * V') - p / q * V'' =
    p / q * (t * V + (1 - t) * V' - V'') by move=> V V' V''; ring.
apply: mulr_ge0; first by rewrite divr_ge0 // ltW.
rewrite !mulr_sumr -big_split -sumrB /=; apply: sumr_ge0 => j _.
have -> : forall v h h' h'' : F, t * (v ^+ 2 * h) + (1 - t) * (v ^+ 2 * h') - v ^+ 2 * h'' =
    v ^+ 2 * (t * h + (1 - t) * h' - h'') by move=> v h h' h''; ring.
apply: mulr_ge0; rewrite ?sqr_ge0 // subr_ge0 /hidden.
suff -> : (a j *m (t *: x + (1 - t) *: y)^T) 0 0 + b j =
    t * ((a j *m x^T) 0 0 + b j) + (1 - t) * ((a j *m y^T) 0 0 + b j).
  exact: sqr_relu_convex.
rewrite linearD !linearZ /= mulmxDr -!scalemxAr !mxE.
by move: (\sum_k _) (\sum_k _) => X Y; ring.
Qed.

(** [thm-shared-mask] With one mask for both inputs the difference has the variance
    (p/q) sum_j w_j^2 (relu(z'_j) - relu(z_j))^2. *)
Theorem var_difference_shared x x' :
  var (bernoulli p) (fun m => output x' m - output x m) =
  p / q * \sum_j w j ^+ 2 * (hidden x' j - hidden x j) ^+ 2.
Proof.
have E : (fun m => output x' m - output x m) =1
    (fun m => \sum_j dropout p (fun j => w j * (hidden x' j - hidden x j)) m j).
  move=> m; rewrite !outputE opprD addrACA subrr add0r -sumrB; apply: eq_bigr => j _.
  by rewrite /dropout; ring.
rewrite /var (eq_cov _ E E) cov_sum_dropout //; congr (_ * _).
by apply: eq_bigr => j _; ring.
Qed.

End InBetween.

(** [thm-variance-does-not-shrink] The variance of a linear output over masks is
    (p/q) sum_j w_j^2 x_j^2, positive unless every w_j x_j is zero, whatever the number of
    data that the weights were fitted to. *)
Theorem var_linear_output (F : realFieldType) (I : finType) (p : F) (w x : I -> F) :
  0 < p -> p < 1 ->
  let v := var (bernoulli p) (fun m => \sum_j w j * dropout p x m j) in
  v = p / (1 - p) * (\sum_j w j ^+ 2 * x j ^+ 2) /\ (v = 0 <-> forall j, w j * x j = 0).
Proof.
move=> p0 p1 v; have q0 : 0 < 1 - p by rewrite subr_gt0.
have vE : v = p / (1 - p) * (\sum_j w j ^+ 2 * x j ^+ 2).
  have := cov_columns (lt0r_neq0 q0) (fun _ : bool => w) x true true; rewrite /v /var /columns => ->.
  by congr (_ * _); apply: eq_bigr => j _; rewrite -expr2.
split=> //; rewrite vE; split=> [/eqP | zero]; last first.
  by rewrite big1 ?mulr0 // => j _; rewrite -exprMn zero expr0n.
rewrite !mulf_eq0 invr_eq0 (negPf (lt0r_neq0 p0)) (negPf (lt0r_neq0 q0)) /= psumr_eq0 => [|j _].
  move=> /allP zero j; apply/eqP; have := zero j (mem_index_enum j).
  by rewrite /= -exprMn expf_eq0.
by rewrite mulr_ge0 ?sqr_ge0.
Qed.
