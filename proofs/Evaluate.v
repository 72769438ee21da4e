(** * Evaluating both sides of a theorem at rational points

    [ev t] is a number that computes together with a proof that it is [t].  The rules below
    build it along the term [t], sums over masks included, so that what is computed at the
    end is proved to be the value of the very term that stands in the statement. *)

From Coq Require Import ZArith QArith Qabs.
From mathcomp Require Import all_ssreflect all_algebra ring zify ssrZ.
From Dropout Require Import Mask Formulation Ensemble Bayesian Noise Gradients Variants.
From Dropout Require Import Mistakes Systems Listed.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** ** Numbers that compute *)

(** Codes of the numbers of a field, such as fractions for [rat]. *)
Record numbers (F : fieldType) := Numbers {
  code :> Type;
  value : code -> F;
  of_nat : nat -> code;
  add : code -> code -> code;
  mul : code -> code -> code;
  opp : code -> code;
  inv : code -> code;
  value_nat : forall n, value (of_nat n) = n%:R;
  valueD : forall a b, value (add a b) = value a + value b;
  valueM : forall a b, value (mul a b) = value a * value b;
  valueN : forall a, value (opp a) = - value a;
  valueV : forall a, value (inv a) = (value a)^-1
}.

Section Fractions.

Local Arguments int_of_Z : simpl never.
Definition rat_of (a : Q) : rat := (int_of_Z (Qnum a))%:~R / (int_of_Z (Zpos (Qden a)))%:~R.

Local Notation Z_rat n := ((int_of_Z n)%:~R : rat).

Lemma den_neq0 (d : positive) : Z_rat (Zpos d) != 0.
Proof. by rewrite intr_eq0; lia. Qed.

Lemma Z_ratM (m n : Z) : Z_rat (Z.mul m n) = Z_rat m * Z_rat n.
Proof. by rewrite -intrM; congr (_%:~R); lia. Qed.

Lemma Z_ratD (m n : Z) : Z_rat (Z.add m n) = Z_rat m + Z_rat n.
Proof. by rewrite -intrD; congr (_%:~R); lia. Qed.

Lemma Z_ratN (n : Z) : Z_rat (Z.opp n) = - Z_rat n.
Proof. by rewrite -mulrNz; congr (_%:~R); lia. Qed.

Lemma rat_of_eq a b : Qeq a b -> rat_of a = rat_of b.
Proof.
case: a b => [m d] [n e]; rewrite /Qeq /rat_of /= => mn.
apply/eqP; rewrite eqr_div ?den_neq0 // -!Z_ratM; apply/eqP; congr (_%:~R); congr int_of_Z.
exact: mn.
Qed.

Lemma rat_of_red a : rat_of (Qred a) = rat_of a.
Proof. exact/rat_of_eq/Qred_correct. Qed.

Lemma rat_ofD a b : rat_of (Qred (a + b)) = rat_of a + rat_of b.
Proof.
rewrite rat_of_red; case: a b => [m d] [n e]; rewrite /rat_of /= Pos2Z.inj_mul.
by rewrite Z_ratD !Z_ratM addf_div ?den_neq0.
Qed.

Lemma rat_ofM a b : rat_of (Qred (a * b)) = rat_of a * rat_of b.
Proof.
rewrite rat_of_red; case: a b => [m d] [n e]; rewrite /rat_of /= Pos2Z.inj_mul.
by rewrite !Z_ratM mulf_div.
Qed.

Lemma rat_ofN a : rat_of (- a) = - rat_of a.
Proof. by case: a => [m d]; rewrite /rat_of /= Z_ratN mulNr. Qed.

Lemma rat_ofV a : rat_of (/ a) = (rat_of a)^-1.
Proof.
case: a => [[|m|m] d]; rewrite /rat_of /Qinv /= ?invf_div //.
  by rewrite [Z_rat _](_ : _ = 0) // mul0r invr0 mulr0.
have neg n : Z_rat (Zneg n) = - Z_rat (Zpos n) by rewrite -Z_ratN.
by rewrite !neg invrN mulrN mulNr.
Qed.

Lemma rat_of_nat n : rat_of (inject_Z (Z.of_nat n)) = n%:R.
Proof.
have -> : n%:R = Z_rat (Z.of_nat n) by rewrite -[n%:R]/(n%:~R); congr (_%:~R); lia.
by rewrite /rat_of /= divr1.
Qed.

Definition fractions : numbers rat_fieldType :=
  Numbers rat_of_nat rat_ofD rat_ofM rat_ofN rat_ofV.

End Fractions.

(** ** The rules *)

(** A value that computes, and the proof that it is that of [t]; for truth values and for
    natural numbers, which compute themselves, [same]. *)
Record ev F (N : numbers F) (t : F) := Ev { out : N; outE : t = value out }.
Record same T (t : T) := Same { alike : T; alikeE : t = alike }.

Section Rules.

Variables (F : fieldType) (N : numbers F).
Implicit Types (n : nat) (b : bool).

Definition ev_as (s t : F) : s = t -> ev N t -> ev N s.
Proof. by move=> st [c tE]; exists c; rewrite st. Defined.

Definition ev_value (c : N) : ev N (value c) := Ev (erefl (value c)).

Definition ev_nat n : same n -> ev N n%:R.
Proof. by move=> [k nE]; exists (of_nat N k); rewrite value_nat nE. Defined.

Definition ev0 : ev N 0.
Proof. by exists (of_nat N 0); rewrite value_nat. Defined.

Definition ev1 : ev N 1.
Proof. by exists (of_nat N 1); rewrite value_nat. Defined.

Definition evD (s t : F) : ev N s -> ev N t -> ev N (s + t).
Proof. by move=> [c sE] [d tE]; exists (add c d); rewrite valueD sE tE. Defined.

Definition evM (s t : F) : ev N s -> ev N t -> ev N (s * t).
Proof. by move=> [c sE] [d tE]; exists (mul c d); rewrite valueM sE tE. Defined.

Definition evN (t : F) : ev N t -> ev N (- t).
Proof. by move=> [c tE]; exists (opp c); rewrite valueN tE. Defined.

Definition evV (t : F) : ev N t -> ev N t^-1.
Proof. by move=> [c tE]; exists (inv c); rewrite valueV tE. Defined.

Definition evX (t : F) n : ev N t -> same n -> ev N (t ^+ n).
Proof.
move=> [c tE] [k nE]; exists (iter k (mul c) (of_nat N 1)); rewrite tE nE.
by elim: (k) => [|j IH]; rewrite ?expr0 ?value_nat // exprS iterS valueM IH.
Defined.

Definition ev_if b (s t : F) : same b -> ev N s -> ev N t -> ev N (if b then s else t).
Proof.
move=> [a bE] [c sE] [d tE]; exists (if a then c else d).
by rewrite bE sE tE; case: (a).
Defined.

Definition ev_natmul (t : F) n : ev N t -> same n -> ev N (t *+ n).
Proof.
move=> et en; apply: (@ev_as _ (t * n%:R)); first by rewrite mulr_natr.
by apply: evM => //; apply: ev_nat.
Defined.

Definition ev_ffun (I : finType) (f : I -> F) i : ev N (f i) -> ev N ([ffun i => f i] i).
Proof. by move=> [c fE]; exists c; rewrite ffunE. Defined.

Section Sums.

Variables (A : finType) (LA : listed A).

Definition ev_sum (f : A -> F) : (forall c, ev N (f (decode c))) -> ev N (\sum_a f a).
Proof.
move=> e; exists (foldr (fun c r => add (out (e c)) r) (of_nat N 0) (codes A)).
rewrite big_codes; elim: (codes A) => [|c s IH] /=; first by rewrite value_nat.
by rewrite valueD IH -outE.
Defined.

Definition ev_sum_if (P : pred A) (f : A -> F) : (forall c, same (P (decode c))) ->
  (forall c, ev N (f (decode c))) -> ev N (\sum_(a | P a) f a).
Proof.
move=> eP e; apply: (@ev_as _ (\sum_a if P a then f a else 0)); first exact: big_mkcond.
by apply: ev_sum => c; apply: ev_if => //; apply: ev0.
Defined.

(** The means of a covariance are computed once, and not again for each outcome. *)
Definition ev_cov (P f g : A -> F) : (forall c, ev N (P (decode c))) ->
  (forall c, ev N (f (decode c))) -> (forall c, ev N (g (decode c))) -> ev N (cov P f g).
Proof.
move=> eP ef eg; pose mean h (eh : forall c, ev N (h (decode c))) : ev N (expect P h) :=
  ev_sum (fun c => evM (eP c) (eh c)).
exists (let a := opp (out (mean f ef)) in let b := opp (out (mean g eg)) in
  foldr (fun c r => add (mul (out (eP c)) (mul (add (out (ef c)) a) (add (out (eg c)) b))) r)
    (of_nat N 0) (codes A)).
have := (outE (mean f ef), outE (mean g eg)).
move: (out (mean f ef)) (out (mean g eg)) => a b [fE gE].
rewrite {1}/cov {1}/expect big_codes fE gE /=.
elim: (codes A) => [|c s IH] /=; first by rewrite value_nat.
by rewrite valueD IH !valueM !valueD !valueN -!outE.
Defined.

Definition ev_prod (f : A -> F) : (forall c, ev N (f (decode c))) -> ev N (\prod_a f a).
Proof.
move=> e; exists (foldr (fun c r => mul (out (e c)) r) (of_nat N 1) (codes A)).
rewrite big_codes; elim: (codes A) => [|c s IH] /=; first by rewrite value_nat.
by rewrite valueM IH -outE.
Defined.

Definition ev_prod_if (P : pred A) (f : A -> F) : (forall c, same (P (decode c))) ->
  (forall c, ev N (f (decode c))) -> ev N (\prod_(a | P a) f a).
Proof.
move=> eP e; apply: (@ev_as _ (\prod_a if P a then f a else 1)); first exact: big_mkcond.
by apply: ev_prod => c; apply: ev_if => //; apply: ev1.
Defined.

Definition same_card (P : mem_pred A) : (forall c, same (in_mem (decode c) P)) -> same (card P).
Proof.
move=> e; exists (count (fun c => alike (e c)) (codes A)).
transitivity #|[pred a | in_mem a P]|; first by case: P {e} => P; apply: eq_card.
by rewrite card_codes; apply: eq_count => c; apply: alikeE.
Defined.

Definition same_forall (P : pred A) : (forall c, same (P (decode c))) -> same [forall a, P a].
Proof.
move=> e; exists (all (fun c => alike (e c)) (codes A)).
apply/forallP/(all_nthP (base A)) => [all_P i _|all_P a]; first by rewrite -alikeE all_P.
by have [i i_lt <-] := coded LA a; rewrite (alikeE (e _)); apply: all_P.
Defined.

End Sums.

Definition same_ffun (I A : finType) (f : I -> A) i : same ([ffun i => f i] i).
Proof. by exists (f i); rewrite ffunE. Defined.

Definition same_ffun2 (I J A : finType) (f : I -> {ffun J -> A}) i j :
  same (f i j) -> same ([ffun i => f i] i j).
Proof. by move=> [a fE]; exists a; rewrite ffunE. Defined.

Definition same_in (I : finType) (f : pred I) i : same (i \in [set i | f i]).
Proof. by exists (f i); rewrite inE. Defined.

Definition same_refl T (t : T) : same t := Same (erefl t).

Definition same1 T U (f : T -> U) t : same t -> same (f t).
Proof. by move=> [a tE]; exists (f a); rewrite tE. Defined.

Definition same2 T U V (f : T -> U -> V) t u : same t -> same u -> same (f t u).
Proof. by move=> [a tE] [b uE]; exists (f a b); rewrite tE uE. Defined.

End Rules.

(** Polynomials, by their coefficients. *)
Record coefficients F (N : numbers F) (q : {poly F}) := Coefficients {
  coefs : seq N;
  coefsE : q = foldr (fun c s => s * 'X + (value c)%:P) 0 coefs
}.

Section Polynomials.

Variables (F : fieldType) (N : numbers F).
Local Notation poly_of := (foldr (fun (c : N) s => s * 'X + (value c)%:P) 0).

Fixpoint add_coefs (s t : seq N) : seq N :=
  match s, t with
  | [::], _ => t
  | _, [::] => s
  | c :: s, d :: t => add c d :: add_coefs s t
  end.

Lemma add_coefsE s t : poly_of (add_coefs s t) = poly_of s + poly_of t.
Proof.
elim: s t => [|c s IH] [|d t] /=; rewrite ?add0r ?addr0 //.
by rewrite IH valueD polyCD mulrDl addrACA.
Qed.

Fixpoint derive_coefs (s : seq N) : seq N :=
  if s is c :: s then add_coefs s (of_nat N 0 :: derive_coefs s) else [::].

Lemma derive_coefsE s : poly_of (derive_coefs s) = (poly_of s)^`().
Proof.
elim: s => [|c s IH] /=; first by rewrite linear0.
rewrite add_coefsE /= IH value_nat polyC0 addr0 derivD derivM derivX derivC mulr1 addr0.
exact: addrC.
Qed.

Definition coefs_sum (A : finType) (LA : listed A) (f : A -> {poly F}) :
  (forall c, coefficients N (f (decode c))) -> coefficients N (\sum_a f a).
Proof.
move=> e; exists (foldr (fun c s => add_coefs (coefs (e c)) s) [::] (codes A)).
rewrite big_codes; elim: (codes A) => [|c s IH] //=.
by rewrite add_coefsE IH -coefsE.
Defined.

Definition coefs_scale (t : F) q : ev N t -> coefficients N q -> coefficients N (t *: q).
Proof.
move=> [c tE] [s qE]; exists (map (mul c) s); rewrite tE qE.
elim: (s) => [|d r IH] /=; first by rewrite scaler0.
by rewrite -IH valueM polyCM -mul_polyC mulrDr mul_polyC scalerAl.
Defined.

Definition coefs_const (t : F) : ev N t -> coefficients N t%:P.
Proof. by move=> [c tE]; exists [:: c]; rewrite /= mul0r add0r tE. Defined.

Definition coefs_square (t : F) : ev N t -> coefficients N (t%:P * 'X^2).
Proof.
move=> [c tE]; exists [:: of_nat N 0; of_nat N 0; c].
by rewrite /= !value_nat polyC0 mul0r add0r !addr0 expr2 mulrA tE.
Defined.

Definition coefs_deriv q : coefficients N q -> coefficients N q^`().
Proof. by move=> [s qE]; exists (derive_coefs s); rewrite derive_coefsE qE. Defined.

Definition ev_horner q t : coefficients N q -> ev N t -> ev N q.[t].
Proof.
move=> [s qE] [c tE]; exists (foldr (fun d r => add (mul r c) d) (of_nat N 0) s).
rewrite qE tE; elim: (s) => [|d r IH] /=; first by rewrite horner0 value_nat.
by rewrite hornerD hornerM hornerX hornerC valueD valueM IH.
Defined.

End Polynomials.

(** Fractions are compared by the sign of their difference. *)
Section Order.

Lemma rat_of_ge0 a : (0 <= rat_of a) = Z.leb Z0 (Qnum a).
Proof.
case: a => [[|m|m] d]; rewrite /rat_of /=; first by rewrite mul0r.
  by rewrite divr_ge0 ?ler0n.
have -> : (int_of_Z (Zneg m))%:~R = - (int_of_Z (Zpos m))%:~R :> rat by rewrite -Z_ratN.
by apply/negbTE; rewrite mulNr -ltNge oppr_lt0 divr_gt0 // ltr0z; lia.
Qed.

Implicit Types (s t : rat).

Definition ev_rat c : ev fractions (rat_of c) := @ev_value _ fractions c.

Definition same_le s t : ev fractions s -> ev fractions t -> same (s <= t).
Proof.
move=> [c sE] [d tE]; exists (Z.leb Z0 (Qnum (Qred (d + - c)))).
by rewrite -rat_of_ge0 rat_ofD rat_ofN -[rat_of d]tE -[rat_of c]sE subr_ge0.
Defined.

Definition same_as (b c : bool) : b = c -> same c -> same b.
Proof. by move=> bc [a cE]; exists a; rewrite bc. Defined.

Definition same_lt s t : ev fractions s -> ev fractions t -> same (s < t).
Proof. by move=> es et; apply: (same_as (ltNge s t)); apply/same1/same_le. Defined.

Definition same_eq s t : ev fractions s -> ev fractions t -> same (s == t).
Proof. by move=> es et; apply: (same_as (eq_le s t)); apply: same2; apply: same_le. Defined.

Definition ev_max s t : ev fractions s -> ev fractions t -> ev fractions (Num.max s t).
Proof.
move=> es et; apply: (@ev_as _ _ _ (if s <= t then t else s)); first by case: lerP.
by apply: ev_if => //; apply: same_le.
Defined.

Definition ev_norm t : ev fractions t -> ev fractions `|t|.
Proof.
move=> et; apply: (@ev_as _ _ _ (if 0 <= t then t else - t)); first by case: ger0P.
by apply: ev_if => //; [apply: same_le => //; apply: ev0 | apply: evN].
Defined.

End Order.

(** ** The tactic *)

(** Numbers of a random point: for the units of a layer, and for its weights. *)
Definition vec (s : seq Q) n (i : 'I_n) : rat := rat_of (nth (0 # 1)%Q s i).
Definition mat (s : seq (seq Q)) n k (i : 'I_n) (j : 'I_k) : rat :=
  rat_of (nth (0 # 1)%Q (nth [::] s i) j).

Ltac unfolded t := eval cbv beta iota zeta delta [fst snd Nat.pred expect total var product pair
  coin bernoulli factor dropout step descent restrict masked scaled net relu average columns
  entries hidden output ridge_loss gradient connect inputs vec mat] in t.

Ltac rule :=
  cbv beta;
  match goal with
  | |- forall _, _ => intro
  | |- ev _ (rat_of _) => exact: ev_rat
  | |- ev _ (_ + _) => apply: evD
  | |- ev _ (_ * _) => apply: evM
  | |- ev _ (- _) => apply: evN
  | |- ev _ (_^-1) => apply: evV
  | |- ev _ (_ ^+ _) => apply: evX
  | |- ev _ (_%:R) => apply: ev_nat
  | |- ev _ (_ *+ _) => apply: ev_natmul
  | |- ev _ 0 => exact: ev0
  | |- ev _ 1 => exact: ev1
  | |- ev _ (Num.max _ _) => apply: ev_max
  | |- ev _ `|_| => apply: ev_norm
  | |- ev _ (if _ then _ else _) => simple refine (ev_if _ _ _)
  | |- ev _ (cov _ _ _) => apply: ev_cov
  | |- ev _ (bigop _ _ _) =>
      first [apply: ev_sum | apply: ev_prod | apply: ev_sum_if | apply: ev_prod_if
        | eapply ev_as; [rewrite !big_ord_recl big_ord0; reflexivity |]]
  | |- ev _ (fun_of_fin _ _) => apply: ev_ffun
  | |- ev _ (horner _ _) => apply: ev_horner
  | |- coefficients _ (_^`()) => apply: coefs_deriv
  | |- coefficients _ (bigop _ _ _) => apply: coefs_sum
  | |- coefficients _ (_ *: _) => apply: coefs_scale
  | |- coefficients _ (_%:P) => apply: coefs_const
  | |- coefficients _ (_%:P * 'X^2) => apply: coefs_square
  | |- ev _ (fun_of_matrix _ _ _) => eapply ev_as; [rewrite mxE; reflexivity |]
  | |- same (_ <= _) => apply: same_le
  | |- same (_ < _) => apply: same_lt
  | |- same (?s == _) =>
      lazymatch type of s with
      | nat => apply: same2
      | bool => apply: same2
      | ordinal _ => exact: same_refl
      | _ => apply: same_eq
      end
  | |- same (fun_of_fin _ _) => first [apply: same_ffun | apply: same_ffun2]
  | |- same (kept _) => unfold kept
  | |- same #|_| => apply: same_card
  | |- same (_ \in [set _ | _]) => apply: same_in
  | |- same (in_mem _ _) =>
      first [apply: same_in | eapply same_as; [rewrite inE; reflexivity |] | exact: same_refl]
  | |- same (FiniteQuant.quant0b _) => apply: same_forall
  | |- same (nat_of_bool _) => apply: same1
  | |- same (~~ _) => apply: same1
  | |- same (binomial _ _) => apply: same2
  | |- same (_ - _)%N => apply: same2
  | |- same (_ ^ _)%N => apply: same2
  | |- same (_ <= _)%N => apply: same2
  | |- same _ => exact: same_refl
  end.

Ltac evaluate := repeat rule.

Ltac has_value t v :=
  lazymatch type of v with
  | Q => let e := constr:(ltac:(evaluate) : ev fractions t) in
         assert (out e = v) by (lazy; reflexivity)
  | _ => let e := constr:(ltac:(evaluate) : same t) in
         assert (alike e = v) by (lazy; reflexivity)
  end.

(** [sides s a v]: the sides of what [s] states behind its premises have the values [v]; what
    it states for all, or of some one, is taken at the points [a], of which [premise] asks for
    the next premise instead. *)
Inductive marker := premise.
Ltac sides s a v :=
  lazymatch s with
  | ?b -> ?c => lazymatch a with (premise, ?rest) => sides b rest v | _ => sides c a v end
  | _ /\ _ => match s with ?l /\ ?r => match v with (?vl, ?vr) => sides l a vl; sides r a vr end end
  | is_true (?l <= ?r)%N => sides (l = r) a v
  | is_true (?l <= ?r) => sides (l = r) a v
  | ?l = ?r => match v with (?vl, ?vr) => has_value l vl; has_value r vr end
  | ex ?f => match a with (?x, ?rest) => let c := unfolded (f x) in sides c rest v end
  | forall x : ?T, @?f x =>
      match a with (?x, ?rest) => let c := unfolded (f x) in sides c rest v end
  end.

(** [tie t a v]: the same of what the theorem [t] states. *)
Ltac tie t a v := let s := type of t in let s := unfolded s in sides s a v.

(** What holds of numbers of a point because it is computed. *)
Ltac computed :=
  match goal with |- is_true ?b =>
    let e := constr:(ltac:(evaluate) : same b) in rewrite (alikeE e); lazy; reflexivity
  end.
