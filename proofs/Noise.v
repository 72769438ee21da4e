(** * Noise: moments, penalties, dropout ridge *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask Formulation Ensemble.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Moments.

Variables (F : fieldType) (I : finType) (p : F) (i : I).
Local Notation q := (1 - p).
Hypotheses (p0 : p != 0) (q0 : q != 0).
Local Notation E f := (expect (bernoulli p) (fun m => f (factor p (m i) - 1))).

Lemma central_moment k : E (fun e => e ^+ k) = q * (p / q) ^+ k + p * (- 1) ^+ k.
Proof.
rewrite (expect_bernoulli p i (fun b => (factor p b - 1) ^+ k)) /factor /= mul0r sub0r.
by congr (_ * _ ^+ _ + _); field.
Qed.

(** [thm-noise-moments] The factor m/q has mean 1 and variance p/q. *)
Theorem noise_mean_var :
  expect (bernoulli p) (fun m => factor p (m i)) = 1 /\ E (fun e => e ^+ 2) = p / q.
Proof. by rewrite expect_factor // central_moment; split=> //; field. Qed.

(** [thm-noise-moments] Its third central moment is p (2p - 1) / q^2, so the square of the
    skewness is (2p - 1)^2 / (p q). *)
Theorem noise_skewness :
  E (fun e => e ^+ 3) = p * (2%:R * p - 1) / q ^+ 2 /\
  E (fun e => e ^+ 3) ^+ 2 / E (fun e => e ^+ 2) ^+ 3 = (2%:R * p - 1) ^+ 2 / (p * q).
Proof. by rewrite !central_moment; split; field; rewrite ?p0 ?q0 ?oner_eq0. Qed.

(** [thm-noise-moments] Its excess kurtosis is (1 - 6 p q) / (p q). *)
Theorem noise_kurtosis :
  E (fun e => e ^+ 4) / E (fun e => e ^+ 2) ^+ 2 - 3%:R = (1 - 6%:R * p * q) / (p * q).
Proof. by rewrite !central_moment; field; rewrite ?p0 ?q0 ?oner_eq0. Qed.

End Moments.

Section Penalty.

(** Any noise with mean one and the covariance [s] times the identity. *)
Variables (F : fieldType) (A I : finType) (P : A -> F) (eps : A -> I -> F) (s : F).
Hypotheses (P1 : total P = 1) (eps1 : forall i, expect P (fun a => eps a i) = 1).
Hypothesis epsC : forall i j, cov P (fun a => eps a i) (fun a => eps a j) = (i == j)%:R * s.

(** [thm-gaussian-match] The expected squared loss of a linear output depends on the
    noise through its variance s only. *)
Theorem squared_loss_any_noise (u : I -> F) (y : F) :
  expect P (fun a => (y - \sum_i u i * eps a i) ^+ 2) =
  (y - \sum_i u i) ^+ 2 + s * \sum_i u i ^+ 2.
Proof.
pose z a := \sum_i u i * eps a i.
have zE : expect P z = \sum_i u i.
  rewrite (expect_sum P (fun i a => u i * eps a i)); apply: eq_bigr => i _.
  by rewrite expectZ eps1 mulr1.
have zV : var P z = s * \sum_i u i ^+ 2.
  rewrite /var (cov_sum P (fun i a => u i * eps a i) (fun i a => u i * eps a i)).
  rewrite mulr_sumr; apply: eq_bigr => i _; rewrite (bigD1 i) //= covZ epsC eqxx.
  rewrite big1 ?addr0 => [|j]; first by rewrite mul1r expr2 mulrC.
  by rewrite eq_sym covZ epsC => /negPf ->; rewrite mul0r mulr0.
rewrite -zV varE // -zE.
transitivity (expect P (fun a => y ^+ 2 - (2%:R * y) * z a + z a ^+ 2)).
  by apply: eq_expect => a; rewrite -/(z a); ring.
rewrite expectD expectB expectZ expect_const //.
by move: (expect P z) (expect P _) => a b; ring.
Qed.

End Penalty.

Section Linear.

Variables (F : fieldType) (I K : finType) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.

Lemma cov_factor i j :
  cov (bernoulli p) (fun m : mask I => factor p (m i)) (fun m => factor p (m j)) =
  (i == j)%:R * (p / q).
Proof.
case: (eqVneq i j) => [-> | ij]; last first.
  by rewrite mul0r /bernoulli (cov_two (fun _ => total_coin p) (factor p) (factor p) ij).
by rewrite (cov_one (fun _ => total_coin p)) covE ?total_coin // !expect_coin /factor /=; field.
Qed.

Lemma squared_loss (u : I -> F) (y : F) :
  expect (bernoulli p) (fun m => (y - \sum_i u i * factor p (m i)) ^+ 2) =
  (y - \sum_i u i) ^+ 2 + p / q * \sum_i u i ^+ 2.
Proof.
exact: (squared_loss_any_noise (eps := fun (m : mask I) i => factor p (m i))
  (total_bernoulli _ _) (fun i => expect_factor q0 i) cov_factor).
Qed.

(** [thm-linear-regression] The expected squared loss of a linear layer with dropout on
    its inputs is the loss without plus (p/q) sum_j x_j^2 |W_:j|^2. *)
Theorem linear_penalty (W : K -> I -> F) (x : I -> F) (y : K -> F) :
  expect (bernoulli p) (fun m => \sum_k (y k - \sum_j W k j * dropout p x m j) ^+ 2) =
  \sum_k (y k - \sum_j W k j * x j) ^+ 2 + p / q * \sum_j x j ^+ 2 * \sum_k W k j ^+ 2.
Proof.
rewrite (expect_sum _ (fun k m => (y k - \sum_j W k j * dropout p x m j) ^+ 2)).
transitivity (\sum_k ((y k - \sum_j W k j * x j) ^+ 2 + p / q * \sum_j (W k j * x j) ^+ 2)).
  apply: eq_bigr => k _; rewrite -squared_loss; apply: eq_expect => m.
  by congr ((_ - _) ^+ 2); apply: eq_bigr => j _; rewrite mulrA.
rewrite big_split -mulr_sumr exchange_big /=; congr (_ + _ * _).
by apply: eq_bigr => j _; rewrite mulr_sumr; apply: eq_bigr => k _; rewrite exprMn mulrC.
Qed.

(** [thm-linear-regression] If all second moments s_j equal s, the form with the Frobenius
    norm times their sum is d times the penalty. *)
Theorem frobenius_form_equal (W : K -> I -> F) (s : F) :
  (p / q * \sum_j \sum_k W k j ^+ 2) * (\sum_(j : I) s) =
  #|I|%:R * (p / q * \sum_j s * \sum_k W k j ^+ 2).
Proof.
have -> : \sum_(j : I) s = #|I|%:R * s by rewrite sumr_const -[s *+ _]mulr_natl.
by rewrite -mulr_sumr; move: (\sum_j _) => N; ring.
Qed.

(** [thm-matrix-factorisation] Dropping columns of both factors adds the penalty
    (p/q) sum_k |u_k|^2 |v_k|^2. *)
Theorem matrix_factorisation (J : finType) (A : K -> J -> F) (U : K -> I -> F) (V : J -> I -> F) :
  expect (bernoulli p) (fun m => \sum_a \sum_b
    (A a b - \sum_k U a k * factor p (m k) * V b k) ^+ 2) =
  \sum_a \sum_b (A a b - \sum_k U a k * V b k) ^+ 2
  + p / q * \sum_k (\sum_a U a k ^+ 2) * (\sum_b V b k ^+ 2).
Proof.
rewrite (expect_sum _ (fun a (m : mask I) => \sum_b (A a b - \sum_k U a k * factor p (m k) * V b k) ^+ 2)).
transitivity (\sum_a \sum_b ((A a b - \sum_k U a k * V b k) ^+ 2
                             + p / q * \sum_k (U a k * V b k) ^+ 2)).
  apply: eq_bigr => a _.
  rewrite (expect_sum _ (fun b (m : mask I) => (A a b - \sum_k U a k * factor p (m k) * V b k) ^+ 2)).
  apply: eq_bigr => b _; rewrite -squared_loss; apply: eq_expect => m.
  by congr ((_ - _) ^+ 2); apply: eq_bigr => k _; rewrite mulrAC.
under eq_bigr do rewrite big_split -mulr_sumr [X in _ * X]exchange_big /=.
rewrite big_split -mulr_sumr [X in _ * X]exchange_big /=; congr (_ + _ * _).
apply: eq_bigr => k _; rewrite mulr_suml; apply: eq_bigr => a _; rewrite mulr_sumr.
by apply: eq_bigr => b _; rewrite exprMn.
Qed.

(** [approx-noise-expansion] For a quadratic loss the second-order expansion of the
    expected loss is exact. *)
Theorem expansion_exact_quadratic (c : F) (b h : I -> F) (Q : I -> I -> F) :
  expect (bernoulli p) (fun m => c + \sum_i b i * dropout p h m i
    + \sum_i \sum_j Q i j * (dropout p h m i * dropout p h m j)) =
  c + \sum_i b i * h i + \sum_i \sum_j Q i j * (h i * h j)
  + p / q * \sum_i h i ^+ 2 * Q i i.
Proof.
rewrite !expectD expect_const ?total_bernoulli // -[RHS]addrA; congr (_ + _ + _).
  rewrite (expect_sum _ (fun i m => b i * dropout p h m i)); apply: eq_bigr => i _.
  by rewrite expectZ expect_dropout.
rewrite (expect_sum _ (fun i m => \sum_j Q i j * (dropout p h m i * dropout p h m j))).
rewrite mulr_sumr -big_split; apply: eq_bigr => i _ /=.
rewrite (expect_sum _ (fun j m => Q i j * (dropout p h m i * dropout p h m j))).
have E j : expect (bernoulli p) (fun m => Q i j * (dropout p h m i * dropout p h m j)) =
    Q i j * (h i * h j) + (i == j)%:R * (p / q * (h i * h j * Q i j)).
  transitivity (expect (bernoulli p) (fun m : mask I =>
    (Q i j * (h i * h j)) * (factor p (m i) * factor p (m j)))).
    by apply: eq_expect => m; rewrite /dropout; ring.
  have := cov_factor i j; rewrite covE ?total_bernoulli // !expect_factor // mulr1.
  move/eqP; rewrite subr_eq => /eqP e; rewrite expectZ e.
  by case: (i == j) => /=; ring.
under eq_bigr do rewrite E; rewrite big_split; congr (_ + _).
rewrite (bigD1 i) //= eqxx mul1r big1 ?addr0 ?expr2 // => j.
by rewrite eq_sym => /negPf ->; rewrite mul0r.
Qed.

End Linear.

Section Ridge.

(** Rows [k] of data [X], targets [y]; a mask of its own for every row. *)
Variables (F : realFieldType) (I K : finType) (p : F).
Local Notation q := (1 - p).
Hypotheses (p_gt0 : 0 < p) (p_lt1 : p < 1).
Variables (X : K -> I -> F) (y : K -> F).

Definition ridge_loss (w : I -> F) :=
  \sum_k expect (bernoulli p) (fun m => (y k - \sum_j w j * dropout p (X k) m j) ^+ 2).

(** The equations (X^T X + (p/q) diag(X^T X)) w = X^T y. *)
Definition normal_equations (w : I -> F) := forall j,
  \sum_i (\sum_k X k j * X k i) * w i + p / q * (\sum_k X k j ^+ 2) * w j =
  \sum_k X k j * y k.

Let q_gt0 : 0 < q. Proof. by rewrite subr_gt0. Qed.
Let q0 : q != 0. Proof. exact: lt0r_neq0. Qed.

Lemma ridge_lossE w : ridge_loss w =
  \sum_k (y k - \sum_j w j * X k j) ^+ 2 + p / q * \sum_j (\sum_k X k j ^+ 2) * w j ^+ 2.
Proof.
transitivity (\sum_k ((y k - \sum_j w j * X k j) ^+ 2 + p / q * \sum_j (w j * X k j) ^+ 2)).
  apply: eq_bigr => k _; rewrite -squared_loss //; apply: eq_expect => m.
  by congr ((_ - _) ^+ 2); apply: eq_bigr => j _; rewrite mulrA.
rewrite big_split -mulr_sumr exchange_big /=; congr (_ + _ * _).
by apply: eq_bigr => j _; rewrite mulr_suml; apply: eq_bigr => k _; rewrite exprMn mulrC.
Qed.

(** [thm-dropout-ridge] From a solution w of the normal equations, the expected loss at
    any other point v is larger by exactly |X (v - w)|^2 + (p/q) sum_j |X_:j|^2 (v_j - w_j)^2. *)
Theorem ridge_excess w v : normal_equations w ->
  ridge_loss v - ridge_loss w =
  \sum_k (\sum_j (v j - w j) * X k j) ^+ 2
  + p / q * \sum_j (\sum_k X k j ^+ 2) * (v j - w j) ^+ 2.
Proof.
move=> normal; pose d j := v j - w j.
have gradient j : \sum_k X k j * (y k - \sum_i w i * X k i) = p / q * (\sum_k X k j ^+ 2) * w j.
  transitivity (\sum_k X k j * y k - \sum_i (\sum_k X k j * X k i) * w i).
    under [X in _ - X]eq_bigr do rewrite mulr_suml.
    rewrite exchange_big -sumrB; apply: eq_bigr => k _; rewrite mulrBr mulr_sumr /=.
    by congr (_ - _); apply: eq_bigr => i _; ring.
  by rewrite -normal addrC addKr.
have cross : \sum_k (y k - \sum_j w j * X k j) * (\sum_j d j * X k j) =
    p / q * \sum_j (\sum_k X k j ^+ 2) * (w j * d j).
  under eq_bigr do rewrite mulr_sumr.
  rewrite exchange_big mulr_sumr; apply: eq_bigr => j _ /=.
  transitivity (d j * \sum_k X k j * (y k - \sum_i w i * X k i)).
    by rewrite mulr_sumr; apply: eq_bigr => k _; rewrite mulrC mulrA.
  by rewrite gradient; move: (\sum_k _) => s; ring.
rewrite !ridge_lossE opprD addrACA -mulrBr -!sumrB.
transitivity (\sum_k ((\sum_j d j * X k j) ^+ 2
    - 2%:R * ((y k - \sum_j w j * X k j) * (\sum_j d j * X k j)))
  + p / q * \sum_j ((\sum_k X k j ^+ 2) * d j ^+ 2 + 2%:R * ((\sum_k X k j ^+ 2) * (w j * d j)))).
  congr (_ + _ * _); last by apply: eq_bigr => j _; rewrite /d; move: (\sum_k _) => s; ring.
  apply: eq_bigr => k _; have -> : \sum_j v j * X k j = \sum_j w j * X k j + \sum_j d j * X k j.
    by rewrite -big_split; apply: eq_bigr => j _ /=; rewrite /d; ring.
  by move: (\sum_j _) (\sum_j _) => a b; ring.
rewrite sumrB -mulr_sumr cross big_split /= -mulr_sumr.
by move: (\sum_k _) (\sum_j _) (\sum_j _) => a b c; ring.
Qed.

(** [thm-dropout-ridge] If no column of X is zero, a solution of the normal equations is
    the unique minimiser of the expected loss. *)
Theorem ridge_minimiser w v : (forall j, exists k, X k j != 0) -> normal_equations w ->
  ridge_loss w <= ridge_loss v /\ (ridge_loss v = ridge_loss w -> v =1 w).
Proof.
move=> nonzero normal; have excess := ridge_excess v normal.
have fit_ge0 : 0 <= \sum_k (\sum_j (v j - w j) * X k j) ^+ 2.
  by apply: sumr_ge0 => k _; apply: sqr_ge0.
have norm_ge0 j : 0 <= \sum_k X k j ^+ 2 by apply: sumr_ge0 => k _; apply: sqr_ge0.
have term_ge0 j : 0 <= (\sum_k X k j ^+ 2) * (v j - w j) ^+ 2.
  by rewrite mulr_ge0 ?sqr_ge0.
have pen_ge0 : 0 <= p / q * \sum_j (\sum_k X k j ^+ 2) * (v j - w j) ^+ 2.
  by apply: mulr_ge0; [rewrite divr_ge0 // ltW | apply: sumr_ge0 => j _].
split=> [|same j]; first by rewrite -subr_ge0 excess addr_ge0.
move: excess; rewrite same subrr => /esym/eqP; rewrite paddr_eq0 // => /andP[_].
rewrite mulf_eq0 mulf_eq0 invr_eq0 (negPf q0) (negPf (lt0r_neq0 p_gt0)) /=.
rewrite psumr_eq0 // => /allP/(_ j (mem_index_enum j)) /=.
rewrite mulf_eq0 expf_eq0 /= subr_eq0 psumr_eq0 => [|k _]; last exact: sqr_ge0.
case/orP=> [/allP zero|/eqP //]; have [k /negP[]] := nonzero j.
by have /= := zero k (mem_index_enum k); rewrite expf_eq0.
Qed.

End Ridge.

(** [approx-glm] What dropout adds to the loss A(z) - y z of a generalised linear model
    does not contain the target y. *)
Theorem glm_no_labels (F : fieldType) (I : finType) (p : F) (A : F -> F) (b x : I -> F) (y : F) :
  1 - p != 0 ->
  let loss z := A z - y * z in
  let z m := \sum_j b j * dropout p x m j in
  expect (bernoulli p) (fun m => loss (z m)) - loss (\sum_j b j * x j) =
  expect (bernoulli p) (fun m => A (z m)) - A (\sum_j b j * x j).
Proof.
move=> q0 loss z; rewrite expectB expectZ.
have -> : expect (bernoulli p) z = \sum_j b j * x j.
  rewrite (expect_sum _ (fun j m => b j * dropout p x m j)); apply: eq_bigr => j _.
  by rewrite expectZ expect_dropout.
by rewrite /loss opprB addrA subrK.
Qed.

(** [approx-explicit-implicit] The gradient averaged over k independent masks has the mean
    of one and 1/k of its covariance. *)
Theorem averaged_gradient (F : fieldType) (A : finType) (P g g' : A -> F) (k : nat) :
  total P = 1 -> k%:R != 0 :> F ->
  let draws := product (fun _ : 'I_k => P) in
  expect draws (average g) = expect P g /\
  cov draws (average g) (average g') = cov P g g' / k%:R.
Proof.
move=> P1 k0 draws; split; first exact: mean_average.
have scale (f : A -> F) : average (T := k) f =1 (fun w => k%:R^-1 * \sum_t f (w t)).
  by move=> w; apply: mulrC.
rewrite (eq_cov _ (scale g) (scale g')) covZ (cov_diag _ (fun=> g) (fun=> g')) //.
by rewrite sumr_const card_ord -[cov P g g' *+ k]mulr_natl; move: (cov P g g') => c; field.
Qed.

(** [thm-iterate-variance] The mean of K = D G D over the masks is G + (p/q) diag G. *)
Theorem mean_masked_gram (F : fieldType) (I : finType) (p : F) (G : I -> I -> F) i j :
  1 - p != 0 ->
  expect (bernoulli p) (fun m => factor p (m i) * G i j * factor p (m j)) =
  G i j + (i == j)%:R * (p / (1 - p) * G i j).
Proof.
move=> q0; transitivity (expect (bernoulli p) (fun m : mask I =>
    G i j * (factor p (m i) * factor p (m j)))).
  by apply: eq_expect => m; rewrite mulrAC mulrC.
have := cov_factor q0 i j; rewrite covE ?total_bernoulli // !expect_factor // mulr1.
move/eqP; rewrite subr_eq => /eqP e; rewrite expectZ e.
by move: (_ == _)%:R (G i j) => d g; ring.
Qed.
