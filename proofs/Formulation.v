(** * Formulation: mean, variance, the two conventions, inference *)

From mathcomp Require Import all_ssreflect all_algebra ring.
From Dropout Require Import Mask.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Moments.

Variables (F : fieldType) (I : finType) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.
Implicit Types (x : I -> F) (i j : I).

(** [thm-unbiased] The mean of a masked activation over all masks is the activation. *)
Theorem mean_dropout x i : expect (bernoulli p) (fun m => dropout p x m i) = x i.
Proof. exact: expect_dropout. Qed.

(** [thm-unbiased] Only the factor 1/q keeps the mean of every activation. *)
Theorem mean_scaled_unique i (c : F) :
  (forall x, expect (bernoulli p) (fun m => c * (x i * (m i)%:R)) = x i) <-> c = 1 / q.
Proof.
have E x : expect (bernoulli p) (fun m => c * (x i * (m i)%:R)) = c * q * x i.
  rewrite expectZ expectZ (expect_bernoulli p i (fun b => b%:R)) /=; ring.
split=> [keeps | cE x]; last by rewrite E cE; move: (x i) => a; field.
have cq : c * q * 1 = 1 by rewrite -(E (fun=> 1)) keeps.
by rewrite -[LHS](mulfK q0) -[c * q]mulr1 cq.
Qed.

(** [thm-variance] The variance of a masked activation is (p/q) x_i^2. *)
Theorem var_dropout x i :
  var (bernoulli p) (fun m => dropout p x m i) = p / q * x i ^+ 2.
Proof.
rewrite varE ?total_bernoulli // expect_dropout //.
rewrite (expect_bernoulli p i (fun b => (x i * factor p b) ^+ 2)) /factor /=.
by move: (x i) => a; field.
Qed.

(** [thm-variance] Two different masked activations are uncorrelated. *)
Theorem cov_dropout x i j : i != j ->
  cov (bernoulli p) (fun m => dropout p x m i) (fun m => dropout p x m j) = 0.
Proof.
move=> ij; apply: (cov_two _ (fun b => x i * factor p b) (fun b => x j * factor p b) ij).
by move=> k; apply: total_coin.
Qed.

(** [thm-variance] The mean squared length of the masked vector is |x|^2 / q. *)
Theorem mean_norm_dropout x :
  expect (bernoulli p) (fun m => \sum_i dropout p x m i ^+ 2) = (\sum_i x i ^+ 2) / q.
Proof.
rewrite (expect_sum _ (fun i m => dropout p x m i ^+ 2)) mulr_suml.
apply: eq_bigr => i _.
rewrite (expect_bernoulli p i (fun b => (x i * factor p b) ^+ 2)) /factor /=.
by move: (x i) => a; field.
Qed.

End Moments.

Section Kept.

Variables (F : fieldType) (I : finType) (p : F).
Local Notation q := (1 - p).
Implicit Types (m : mask I) (k : nat).

Lemma keptE m : (kept m)%:R = \sum_i (m i)%:R :> F.
Proof.
rewrite /kept -sum1_card natr_sum big_mkcond /=.
by apply: eq_bigr => i _; rewrite inE; case: (m i).
Qed.

Lemma bernoulliE m : bernoulli p m = p ^+ (#|I| - kept m) * q ^+ kept m.
Proof.
rewrite /bernoulli /product (bigID (fun i => m i)) /= mulrC; congr (_ * _).
  rewrite (eq_bigr (fun=> p)) => [|i /negPf mi]; last by rewrite /coin mi.
  by rewrite prodr_const -(cardC [pred i | m i]) addKn; congr (_ ^+ _); apply: eq_card.
rewrite (eq_bigr (fun=> q)) => [|i mi]; last by rewrite /coin mi.
by rewrite prodr_const; congr (_ ^+ _); apply: eq_card.
Qed.

Definition support m := [set i | m i].

Lemma card_support m : #|support m| = kept m.
Proof. by apply: eq_card => i; rewrite inE. Qed.

Lemma supportK : cancel support (fun D : {set I} => [ffun i => i \in D]).
Proof. by move=> m; apply/ffunP=> i; rewrite ffunE inE. Qed.

Lemma card_kept k : #|[pred m : mask I | kept m == k]| = 'C(#|I|, k).
Proof.
rewrite -card_draws -(card_imset _ (can_inj supportK)); apply: eq_card => D.
rewrite !inE; apply/imsetP/eqP => [[m /eqP mk ->]|Dk].
  by rewrite card_support.
exists [ffun i => i \in D]; last by apply/setP=> i; rewrite inE ffunE.
by rewrite inE -card_support -Dk; apply/eqP/eq_card => i; rewrite inE ffunE.
Qed.

(** [thm-active-units] The number of kept units is binomial. *)
Theorem prob_kept k :
  expect (bernoulli p) (fun m => (kept m == k)%:R) =
  'C(#|I|, k)%:R * q ^+ k * p ^+ (#|I| - k).
Proof.
rewrite /expect (eq_bigr (fun m => if kept m == k then p ^+ (#|I| - k) * q ^+ k else 0)).
  by rewrite -big_mkcond sumr_const card_kept -mulr_natl; ring.
by move=> m _; rewrite bernoulliE; case: eqP => [->|_]; rewrite ?mulr1 ?mulr0.
Qed.

(** [thm-active-units] All units are dropped with probability p^n. *)
Theorem prob_none_kept : expect (bernoulli p) (fun m => (kept m == 0%N)%:R) = p ^+ #|I|.
Proof. by rewrite prob_kept bin0 subn0 expr0 !mul1r. Qed.

(** [thm-active-units] On average n q units are kept. *)
Theorem mean_kept : expect (bernoulli p) (fun m => (kept m)%:R) = #|I|%:R * q.
Proof.
rewrite (eq_expect _ keptE) (expect_sum _ (fun i m => (m i)%:R)).
rewrite (eq_bigr (fun=> q)) ?sumr_const ?mulr_natl // => i _.
by rewrite (expect_bernoulli p i (fun b => b%:R)) /= mulr1 mulr0 addr0.
Qed.

(** [thm-active-units] The variance of the number of kept units is n p q. *)
Theorem var_kept : var (bernoulli p) (fun m => (kept m)%:R) = #|I|%:R * p * q.
Proof.
rewrite /var (eq_cov _ keptE keptE).
rewrite (cov_bernoulli p (fun _ b => b%:R) (fun _ b => b%:R)) /=.
by rewrite subr0 mulr1 sumr_const /= mulrC mulrA.
Qed.

End Kept.

(** ** The two conventions

    A layer [W] reads masked activations; the loss of step [t], with everything that
    follows, enters through the derivative [g t z] with respect to the output [z]. *)

Section Conventions.

Variables (F : fieldType) (n k : nat) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.
Implicit Types (W V : 'M[F]_(k, n)) (u : 'cV[F]_n) (g : nat -> 'cV[F]_k -> 'cV[F]_k).

(** One step of descent with momentum [b] and rate [r] on the input [v]: the buffer and
    the weights after it. *)
Definition step (b r : F) (g : 'cV[F]_k -> 'cV[F]_k) (v : 'cV[F]_n) (VW : 'M[F]_(k, n) * 'M[F]_(k, n)) :=
  let V := b *: VW.1 + g (VW.2 *m v) *m v^T in (V, VW.2 - r *: V).

Fixpoint descent (b r : F) g (v : nat -> 'cV[F]_n) t VW :=
  if t is s.+1 then step b r (g s) (v s) (descent b r g v s VW) else VW.

(** [thm-conventions-agree] With W_inv = q W_std both networks compute the same in
    training, on any masked input u, and at inference. *)
Theorem conventions_same_function W u :
  (q *: W) *m (q^-1 *: u) = W *m u /\ (q *: W) *m u = W *m (q *: u).
Proof.
split; last by rewrite -scalemxAl scalemxAr.
by rewrite -scalemxAl -scalemxAr scalerA divff ?scale1r.
Qed.

(** [thm-conventions-agree] Gradient descent, with momentum or without, keeps
    W_inv = q W_std for any number of steps, any losses and any masked inputs, if the
    rate of the inverted network is q^2 times that of the standard one. *)
Theorem conventions_same_path b r g (u : nat -> 'cV[F]_n) W t :
  (descent b (q ^+ 2 * r) g (fun s => q^-1 *: u s) t (0, q *: W)).2 =
  q *: (descent b r g u t (0, W)).2.
Proof.
suff -> : descent b (q ^+ 2 * r) g (fun s => q^-1 *: u s) t (0, q *: W) =
          (q^-1 *: (descent b r g u t (0, W)).1, q *: (descent b r g u t (0, W)).2) by [].
elim: t => [|t /= ->]; first by rewrite /= scaler0.
move: (descent _ _ _ _ _ _) => [V X]; rewrite /step /=.
rewrite (conventions_same_function X (u t)).1 [(_ *: u t)^T]linearZ /= -scalemxAr.
have -> : b *: (q^-1 *: V) + q^-1 *: (g t (X *m u t) *m (u t)^T) =
          q^-1 *: (b *: V + g t (X *m u t) *m (u t)^T) by rewrite scalerDr !scalerA mulrC.
by congr (_, _); rewrite scalerBr !scalerA; congr (_ - _ *: _); field.
Qed.

End Conventions.

(** [thm-conventions-agree] No other rate keeps it: if one step of one weight on the
    input 1 agrees for every loss, the rate is q^2 times the other. *)
Theorem conventions_rate_unique (F : fieldType) (p r r' : F) : 1 - p != 0 ->
  (forall (w : F) (g : F -> F),
     (1 - p) * w - r' * (g ((1 - p) * w * (1 / (1 - p))) * (1 / (1 - p))) =
     (1 - p) * (w - r * (g (w * 1) * 1))) <-> r' = (1 - p) ^+ 2 * r.
Proof.
move=> q0; split=> [agree | -> w g].
  have := agree 0 (fun=> 1); rewrite mulr0 !mul1r !mulr1 !sub0r mulrN => /oppr_inj e.
  by apply: (mulIf (invr_neq0 q0)); rewrite e; field.
have -> : (1 - p) * w * (1 / (1 - p)) = w * 1 by field.
by move: (g _) => d; field.
Qed.

(** ** When inference is the mean *)

Section Inference.

Variables (F : fieldType) (I : finType) (p : F).
Local Notation q := (1 - p).
Hypothesis q0 : q != 0.
Implicit Types (x : {ffun I -> F}) (S T : {set I}).

(** [thm-eval-is-mean] If g is multi-affine, a sum over sets S of c_S times the product
    of the units in S, the mean over masks is g at the unmasked units. *)
Theorem mean_multiaffine (c : {set I} -> F) (x : I -> F) :
  expect (bernoulli p) (fun m => \sum_S c S * \prod_(i in S) dropout p x m i) =
  \sum_S c S * \prod_(i in S) x i.
Proof.
rewrite (expect_sum _ (fun S m => c S * \prod_(i in S) dropout p x m i)).
apply: eq_bigr => S _; rewrite expectZ; congr (_ * _).
rewrite (expect_prod_in _ (mem S) (fun i b => x i * factor p b)) => [|i].
  apply: eq_bigr => i _; rewrite expect_coin /factor /=.
  by move: (x i) => a; field.
exact: total_coin.
Qed.

(** Any function is a sum of interaction terms [h S], which depend on the units in [S]
    only and vanish as soon as one of these is zero. *)
Definition restrict S x : {ffun I -> F} := [ffun i => if i \in S then x i else 0].
Definition masked (m : mask I) x : {ffun I -> F} := [ffun i => dropout p x m i].
Definition scaled x : {ffun I -> F} := [ffun i => x i / q].

Variable h : {set I} -> {ffun I -> F} -> F.
Hypothesis h_local : forall S x, h S (restrict S x) = h S x.
Hypothesis h_zero : forall S x i, i \in S -> x i = 0 -> h S x = 0.

Lemma mean_interaction S x :
  expect (bernoulli p) (fun m => h S (masked m x)) = q ^+ #|S| * h S (scaled x).
Proof.
transitivity (expect (bernoulli p) (fun m => h S (scaled x) * \prod_(i in S) (m i)%:R)).
  apply: eq_expect => m; case: (boolP [forall i in S, m i]) => [/forall_inP kept | ].
    rewrite big1 ?mulr1 => [|i /kept -> //]; rewrite -h_local -[RHS]h_local.
    congr (h S _); apply/ffunP=> i; rewrite !ffunE; case: ifP => // /kept mi.
    by rewrite /dropout /factor mi mul1r.
  rewrite negb_forall_in => /exists_inP[i iS /negPf mi].
  rewrite (bigD1 i) //= mi mul0r mulr0; apply: (h_zero iS).
  by rewrite ffunE /dropout /factor mi mul0r mulr0.
rewrite expectZ mulrC (expect_prod_in _ (mem S) (fun _ (b : bool) => b%:R)) => [|i].
  by rewrite (eq_bigr (fun=> q)) ?prodr_const // => i _; rewrite expect_coin /= mulr1 mulr0 addr0.
exact: total_coin.
Qed.

(** [thm-eval-is-mean] At a given p, inference is the mean for every x if and only if
    each interaction term is homogeneous at 1/q: q^|S| h_S(x/q) = h_S(x). *)
Theorem inference_is_mean_iff :
  (forall x, expect (bernoulli p) (fun m => \sum_S h S (masked m x)) = \sum_S h S x) <->
  (forall S x, q ^+ #|S| * h S (scaled x) = h S x).
Proof.
have E x : expect (bernoulli p) (fun m => \sum_S h S (masked m x)) =
           \sum_(S : {set I}) q ^+ #|S| * h S (scaled x).
  rewrite (expect_sum _ (fun S m => h S (masked m x))).
  by apply: eq_bigr => S _; apply: mean_interaction.
split=> [mean S x | homogeneous x]; last by rewrite E; apply: eq_bigr.
have [n] := ubnP #|S|; elim: n S => // n IH S Sn.
have inside T y : T \subset S -> restrict T (restrict S y) = restrict T y.
  by move=> /subsetP TS; apply/ffunP=> i; rewrite !ffunE; case: ifP => // /TS ->.
have scale T : scaled (restrict T x) = restrict T (scaled x).
  by apply/ffunP=> i; rewrite !ffunE; case: ifP; rewrite ?mul0r.
have others T : T != S -> q ^+ #|T| * h T (scaled (restrict S x)) = h T (restrict S x).
  move=> TS; have [sub | /subsetPn[i iT iS]] := boolP (T \subset S); last first.
    by rewrite !(h_zero iT) ?mulr0 ?ffunE ?(negPf iS) // mul0r.
  have lt_n : (#|T| < n)%N.
    by rewrite -ltnS; apply: leq_ltn_trans Sn; rewrite proper_card // properEneq TS.
  by rewrite scale -h_local inside // h_local IH // -[RHS]h_local inside // h_local.
have := mean (restrict S x); rewrite E (bigD1 S) //= [RHS](bigD1 S) //=.
rewrite (eq_bigr _ others) => /addIr.
by rewrite scale !h_local.
Qed.

End Inference.

(** ** Convex functions *)

Section Jensen.

Variables (F : realFieldType) (V : lmodType F) (g : V -> F).
Implicit Types (v : V) (t : F).

Definition convex := forall v v' t, 0 <= t -> t <= 1 ->
  g (t *: v + (1 - t) *: v') <= t * g v + (1 - t) * g v'.
Hypothesis g_convex : convex.

Definition perspective t v := if t == 0 then 0 else t * g (t^-1 *: v).

Lemma perspectiveD t t' v v' : 0 <= t -> 0 <= t' -> (t = 0 -> v = 0) -> (t' = 0 -> v' = 0) ->
  perspective (t + t') (v + v') <= perspective t v + perspective t' v'.
Proof.
move=> t_ge0 t'_ge0 v0 v'0; rewrite /perspective.
case: (eqVneq t 0) => [t0|t0]; first by rewrite t0 (v0 t0) !add0r.
case: (eqVneq t' 0) => [t0'|t0']; first by rewrite t0' (v'0 t0') !addr0 (negPf t0).
have s0 : t + t' != 0 by rewrite paddr_eq0 // negb_and t0.
have s_ge0 : 0 <= t + t' by apply: addr_ge0.
have le1 : t / (t + t') <= 1.
  rewrite -subr_ge0; have -> : 1 - t / (t + t') = t' / (t + t') by field.
  exact: divr_ge0.
have gap := g_convex (t^-1 *: v) (t'^-1 *: v') (divr_ge0 t_ge0 s_ge0) le1.
have merge : (t / (t + t')) *: (t^-1 *: v) + (1 - t / (t + t')) *: (t'^-1 *: v') =
          (t + t')^-1 *: (v + v').
  by rewrite !scalerA scalerDr; congr (_ *: _ + _ *: _); field; rewrite ?s0 ?t0 ?t0'.
rewrite merge -subr_ge0 in gap; have := mulr_ge0 s_ge0 gap.
rewrite (negPf s0) -[_ <= _ + _]subr_ge0; congr (_ <= _).
by move: (g _) (g _) (g _) => a b c; field.
Qed.

Lemma jensen (A : finType) (P : A -> F) (v : A -> V) :
  (forall a, 0 <= P a) -> total P = 1 -> g (\sum_a P a *: v a) <= expect P (fun a => g (v a)).
Proof.
move=> P_ge0 P1; set u := \sum_a _.
have [_ _] : [/\ 0 <= total P, total P = 0 -> u = 0 &
                 perspective (total P) u <= expect P (fun a => g (v a))]; last first.
  by rewrite /perspective P1 oner_eq0 invr1 scale1r mul1r.
rewrite /u /total /expect; elim/big_rec3: _ => [|a t w s _ [s_ge0 w0 le]].
  by split=> //; rewrite /perspective eqxx.
split; first exact: addr_ge0.
  by move=> /eqP; rewrite paddr_eq0 // => /andP[/eqP -> /eqP/w0 ->]; rewrite scale0r addr0.
apply: le_trans (perspectiveD (P_ge0 a) s_ge0 _ w0) _; first by move->; rewrite scale0r.
rewrite -subr_ge0 opprD addrACA addr_ge0 ?subr_ge0 // /perspective.
case: eqP => [-> | /eqP Pa0]; first by rewrite mul0r.
by rewrite scalerA mulVf // scale1r.
Qed.

End Jensen.

(** [thm-eval-is-mean] If g is convex, the mean over masks is at least g at inference. *)
Theorem mean_convex (F : realFieldType) n (p : F) (g : 'rV[F]_n -> F) (x : 'rV[F]_n) :
  0 <= p -> p < 1 -> convex g ->
  g x <= expect (bernoulli p) (fun m => g (\row_i dropout p (x 0) m i)).
Proof.
move=> p0 p1 /jensen J; have q0 : 0 < 1 - p by rewrite subr_gt0.
have {1}-> : x = \sum_m bernoulli p m *: \row_i dropout p (x 0) m i.
  apply/rowP=> i; rewrite summxE -[LHS](expect_dropout (lt0r_neq0 q0) (x 0) i).
  by apply: eq_bigr => m _; rewrite !mxE.
apply: J (total_bernoulli _ _) => m; apply: prodr_ge0 => i _.
by rewrite /coin; case: (m i) => //; apply: ltW.
Qed.

(** [thm-boundaries] At p = 0 every mask that has a weight keeps every activation as it
    is; at p = 1 it keeps none. *)
Theorem boundaries (F : fieldType) (I : finType) (x : I -> F) (m : mask I) i :
  (bernoulli (0 : F) m != 0 -> dropout 0 x m i = x i) /\
  (bernoulli (1 : F) m != 0 -> dropout 1 x m i = 0).
Proof.
rewrite /bernoulli /product /dropout /factor.
split=> /prodf_neq0/(_ i isT); rewrite /coin; case: (m i) => /=; rewrite ?eqxx ?subrr ?eqxx //.
  by rewrite subr0 divr1 mulr1.
by rewrite mul0r mulr0.
Qed.
