import buyers.models.buyer
import buyers.models.standing_order
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.utils.timezone
import leads.models.change
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('leads', '0001_initial'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        migrations.CreateModel(
            name='Buyer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('legal_name', models.CharField(max_length=120)),
                ('trade', models.CharField(help_text='What your company does, such as mortgage broker.', max_length=60)),
                ('street', models.CharField(max_length=120)),
                ('city', models.CharField(max_length=80)),
                ('state', models.CharField(max_length=2, validators=[django.core.validators.RegexValidator('^[A-Z]{2}$', 'Enter two letters, such as OH.')])),
                ('postal_code', models.CharField(max_length=10, validators=[django.core.validators.RegexValidator('^\\d{5}(-\\d{4})?$', 'Enter a ZIP code, such as 45402 or 45402-1234.')], verbose_name='ZIP code')),
                ('phone', models.CharField(max_length=30)),
                ('website', models.URLField(blank=True)),
                ('license', models.CharField(blank=True, help_text='NMLS, state license or agent number, if you have one.', max_length=60, verbose_name='license number')),
                ('closed_at', models.DateTimeField(blank=True, help_text='A closed company can browse but not buy, and its API keys stop working.', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['legal_name'],
            },
        ),
        migrations.CreateModel(
            name='BuyerEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('legal_name', models.CharField(max_length=120)),
                ('trade', models.CharField(help_text='What your company does, such as mortgage broker.', max_length=60)),
                ('street', models.CharField(max_length=120)),
                ('city', models.CharField(max_length=80)),
                ('state', models.CharField(max_length=2, validators=[django.core.validators.RegexValidator('^[A-Z]{2}$', 'Enter two letters, such as OH.')])),
                ('postal_code', models.CharField(max_length=10, validators=[django.core.validators.RegexValidator('^\\d{5}(-\\d{4})?$', 'Enter a ZIP code, such as 45402 or 45402-1234.')], verbose_name='ZIP code')),
                ('phone', models.CharField(max_length=30)),
                ('website', models.URLField(blank=True)),
                ('license', models.CharField(blank=True, help_text='NMLS, state license or agent number, if you have one.', max_length=60, verbose_name='license number')),
                ('closed_at', models.DateTimeField(blank=True, help_text='A closed company can browse but not buy, and its API keys stop working.', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='CustomerList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('file_name', models.CharField(max_length=120)),
                ('file_sha256', models.CharField(max_length=64)),
                ('stored_as', models.CharField(blank=True, help_text='The sealed upload; deleted once it is read.', max_length=200)),
                ('sheet_format', models.JSONField(default=dict, help_text='Kind, encoding and delimiter of the file.')),
                ('columns', models.JSONField(default=dict, help_text='Positions of the phone and email columns.')),
                ('rows_total', models.PositiveIntegerField(default=0)),
                ('rows_read', models.PositiveIntegerField(default=0)),
                ('taken', models.PositiveIntegerField(default=0, help_text='Rows with a phone number or an email address.')),
                ('refused', models.PositiveIntegerField(default=0)),
                ('people', models.PositiveIntegerField(default=0, help_text='Rows taken, minus repeats.')),
                ('problems', models.JSONField(default=list, help_text='The first rows with problems, as [row, reason].')),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('reading', 'Reading'), ('done', 'Active'), ('failed', 'Failed'), ('removed', 'Removed')], default='waiting', max_length=7)),
                ('problem', models.CharField(blank=True, max_length=200)),
                ('resumptions', models.PositiveSmallIntegerField(default=0, help_text='Restarts since a batch last succeeded.')),
                ('created_at', models.DateTimeField()),
                ('worked_at', models.DateTimeField(help_text='When it last made progress.')),
                ('done_at', models.DateTimeField(help_text='When all its people became excluded.', null=True)),
                ('removed_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('role', models.CharField(choices=[('owner', 'Owner: buys, pays, invites'), ('buyer', 'Buyer: buys and downloads'), ('viewer', 'Viewer: view only')], default='buyer', max_length=6)),
                ('token', models.CharField(default=buyers.models.buyer.new_token, editable=False, max_length=64, unique=True)),
                ('sent_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('accepted_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'ordering': ['-sent_at'],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner: buys, pays, invites'), ('buyer', 'Buyer: buys and downloads'), ('viewer', 'Viewer: view only')], default='buyer', max_length=6)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['buyer', 'created_at'],
            },
        ),
        migrations.CreateModel(
            name='MembershipEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('role', models.CharField(choices=[('owner', 'Owner: buys, pays, invites'), ('buyer', 'Buyer: buys and downloads'), ('viewer', 'Viewer: view only')], default='buyer', max_length=6)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='OwnCustomer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name='StandingOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('criteria', models.JSONField(default=list, help_text='The clauses of its criteria, in their normal form.')),
                ('kind', models.CharField(choices=[('buy', 'Buys when the price drops'), ('alert', 'Sends alerts only')], max_length=5)),
                ('market', models.CharField(choices=[('realtime', 'Real-time'), ('aged', 'Aged')], default='aged', max_length=8)),
                ('max_price_cents', models.PositiveIntegerField(help_text='The most it pays for one lead, in cents.', null=True)),
                ('hourly_cap', models.PositiveIntegerField(help_text='The most leads in any 60 minutes.', null=True)),
                ('daily_cap', models.PositiveIntegerField(help_text='The most leads in any 24 hours.', null=True)),
                ('weekly_cap', models.PositiveIntegerField(help_text='The most leads in any 7 days.', null=True)),
                ('total_cap', models.PositiveIntegerField(null=True)),
                ('budget_cents', models.PositiveBigIntegerField(help_text='The most it may spend in total, in cents.', null=True)),
                ('from_hour', models.PositiveSmallIntegerField(null=True)),
                ('to_hour', models.PositiveSmallIntegerField(null=True)),
                ('weekdays', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), default=buyers.models.standing_order.every_day, help_text='1 is Monday.', size=None)),
                ('time_zone', models.CharField(choices=[('America/New_York', 'Eastern'), ('America/Chicago', 'Central'), ('America/Denver', 'Mountain'), ('America/Phoenix', 'Arizona'), ('America/Los_Angeles', 'Pacific'), ('America/Anchorage', 'Alaska'), ('Pacific/Honolulu', 'Hawaii'), ('America/Puerto_Rico', 'Atlantic')], default='America/New_York', max_length=30)),
                ('exclusive', models.BooleanField(default=False)),
                ('sort', models.CharField(choices=[('newest', 'Newest'), ('oldest', 'Oldest'), ('cheapest', 'Cheapest')], default='newest', max_length=8)),
                ('filled', models.PositiveIntegerField(default=0, editable=False)),
                ('spent_cents', models.PositiveBigIntegerField(default=0, editable=False)),
                ('outcome', models.CharField(default='new', editable=False, max_length=20)),
                ('facts', models.JSONField(default=dict, editable=False)),
                ('looked_at', models.DateTimeField(editable=False, null=True)),
                ('due_at', models.DateTimeField(editable=False, null=True)),
                ('told_at', models.DateTimeField(editable=False, help_text='Matches up to then were sent or known.', null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('paused_at', models.DateTimeField(editable=False, null=True)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('changed_in', leads.models.change.TransactionId(db_default=models.Func(function='pg_current_xact_id'), editable=False, help_text='The transaction that last changed its criteria, price or status.')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('is_staff', models.BooleanField(default=False, help_text='Works for the operator and can open its pages.')),
                ('is_active', models.BooleanField(default=True)),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'ordering': ['email'],
            },
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('requested', 'Requested'), ('granted', 'Approved'), ('refused', 'Refused')], default='requested', max_length=9)),
                ('note', models.CharField(blank=True, help_text='Shown to the company.', max_length=200)),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('vertical', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='leads.vertical')),
                ('buyer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='approvals', to='buyers.buyer')),
            ],
            options={
                'ordering': ['buyer', 'vertical'],
            },
        ),
        migrations.CreateModel(
            name='ApprovalEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('status', models.CharField(choices=[('requested', 'Requested'), ('granted', 'Approved'), ('refused', 'Refused')], default='requested', max_length=9)),
                ('note', models.CharField(blank=True, help_text='Shown to the company.', max_length=200)),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='buyers.approval')),
                ('vertical', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='leads.vertical')),
                ('buyer', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='buyers.buyer')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('prefix', models.CharField(max_length=8)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('last_used_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('buyer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='buyers.buyer')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='buyer',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "buyers_buyerevent" ("city", "closed_at", "created_at", "id", "legal_name", "license", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "public_id", "state", "street", "trade", "website") VALUES (NEW."city", NEW."closed_at", NEW."created_at", NEW."id", NEW."legal_name", NEW."license", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."postal_code", NEW."public_id", NEW."state", NEW."street", NEW."trade", NEW."website"); RETURN NULL;', hash='2a7555dff5578dca21fa1c1b91a3784ee2838bd8', operation='INSERT', pgid='pgtrigger_insert_insert_a6584', table='buyers_buyer', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='buyer',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "buyers_buyerevent" ("city", "closed_at", "created_at", "id", "legal_name", "license", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "public_id", "state", "street", "trade", "website") VALUES (NEW."city", NEW."closed_at", NEW."created_at", NEW."id", NEW."legal_name", NEW."license", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."postal_code", NEW."public_id", NEW."state", NEW."street", NEW."trade", NEW."website"); RETURN NULL;', hash='5762712c7a127a4d6628866c91bb6e4e81114a30', operation='UPDATE', pgid='pgtrigger_update_update_94062', table='buyers_buyer', when='AFTER')),
        ),
        migrations.AddField(
            model_name='buyerevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='buyerevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='buyers.buyer'),
        ),
        migrations.AddField(
            model_name='customerlist',
            name='buyer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='customer_lists', to='buyers.buyer'),
        ),
        migrations.AddField(
            model_name='customerlist',
            name='uploaded_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='invitation',
            name='accepted_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='invitation',
            name='buyer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='buyers.buyer'),
        ),
        migrations.AddField(
            model_name='membership',
            name='buyer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='buyers.buyer'),
        ),
        migrations.AddField(
            model_name='membership',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='membership', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='membershipevent',
            name='buyer',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='buyers.buyer'),
        ),
        migrations.AddField(
            model_name='membershipevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='membershipevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='buyers.membership'),
        ),
        migrations.AddField(
            model_name='membershipevent',
            name='user',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='owncustomer',
            name='buyer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='buyers.buyer'),
        ),
        migrations.AddField(
            model_name='owncustomer',
            name='list',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='customers', to='buyers.customerlist'),
        ),
        migrations.AddField(
            model_name='standingorder',
            name='buyer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='standing_orders', to='buyers.buyer'),
        ),
        migrations.AddField(
            model_name='standingorder',
            name='placed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='standingorder',
            name='vertical',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='standing_orders', to='leads.vertical'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='user_email_is_unique_whatever_its_case'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.UniqueConstraint(fields=('buyer', 'vertical'), name='approval_is_one_per_vertical'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('status', 'requested')), models.Q(('decided_at__isnull', False), ('status__in', ['granted', 'refused'])), _connector='OR'), name='approval_decided_has_its_instant'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='approval',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "buyers_approvalevent" ("buyer_id", "decided_at", "id", "note", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "requested_at", "status", "vertical_id") VALUES (NEW."buyer_id", NEW."decided_at", NEW."id", NEW."note", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."requested_at", NEW."status", NEW."vertical_id"); RETURN NULL;', hash='a8473ef5c125a4f474ffeadd47a95bab98d46ca1', operation='INSERT', pgid='pgtrigger_insert_insert_5f6aa', table='buyers_approval', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='approval',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "buyers_approvalevent" ("buyer_id", "decided_at", "id", "note", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "requested_at", "status", "vertical_id") VALUES (NEW."buyer_id", NEW."decided_at", NEW."id", NEW."note", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."requested_at", NEW."status", NEW."vertical_id"); RETURN NULL;', hash='0366bab2ca2628ca4c5bb78b9f5d951fba1c9690', operation='UPDATE', pgid='pgtrigger_update_update_4bf86', table='buyers_approval', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='customerlist',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['waiting', 'reading', 'done'])), fields=('buyer', 'file_sha256'), name='customer_list_is_taken_once'),
        ),
        migrations.AddConstraint(
            model_name='customerlist',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['waiting', 'reading'])), fields=('buyer',), name='customer_list_is_read_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='customerlist',
            constraint=models.CheckConstraint(condition=models.Q(('people__lte', models.F('taken')), ('rows_read', django.db.models.expressions.CombinedExpression(models.F('taken'), '+', models.F('refused')))), name='customer_list_accounts_for_every_row'),
        ),
        migrations.AddConstraint(
            model_name='customerlist',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'done'), _negated=True), ('done_at__isnull', False), _connector='OR'), name='customer_list_done_has_its_instant'),
        ),
        migrations.AddConstraint(
            model_name='customerlist',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('removed_at__isnull', False), ('status', 'removed')), models.Q(models.Q(('status', 'removed'), _negated=True), ('removed_at', None)), _connector='OR'), name='customer_list_removed_has_its_instant'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(models.F('buyer'), django.db.models.functions.text.Lower('email'), condition=models.Q(('accepted_at', None)), name='invitation_is_open_once_per_address'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'buyer', 'viewer'])), name='invitation_role_is_known'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'buyer', 'viewer'])), name='membership_role_is_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='membership',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "buyers_membershipevent" ("buyer_id", "created_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "user_id") VALUES (NEW."buyer_id", NEW."created_at", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."role", NEW."user_id"); RETURN NULL;', hash='c44b10255f495e106a73120dc529a3ac139895e8', operation='INSERT', pgid='pgtrigger_insert_insert_88ef8', table='buyers_membership', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='membership',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "buyers_membershipevent" ("buyer_id", "created_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "user_id") VALUES (NEW."buyer_id", NEW."created_at", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."role", NEW."user_id"); RETURN NULL;', hash='0414d989cd279ab52c9b5b7fbdb1af8d146b0df7', operation='UPDATE', pgid='pgtrigger_update_update_a65e5', table='buyers_membership', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='membership',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "buyers_membershipevent" ("buyer_id", "created_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "user_id") VALUES (OLD."buyer_id", OLD."created_at", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."role", OLD."user_id"); RETURN NULL;', hash='4058b3e7ed895e90ce24d4edf149d54e48d2ea06', operation='DELETE', pgid='pgtrigger_delete_delete_159a0', table='buyers_membership', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='owncustomer',
            index=models.Index(fields=['buyer', 'id'], name='own_customer_newest'),
        ),
        migrations.AddConstraint(
            model_name='owncustomer',
            constraint=models.UniqueConstraint(fields=('buyer', 'digest', 'list'), name='own_customer_is_once_a_list'),
        ),
        migrations.AddIndex(
            model_name='standingorder',
            index=models.Index(fields=['changed_in'], name='standing_by_change'),
        ),
        migrations.AddIndex(
            model_name='standingorder',
            index=models.Index(condition=models.Q(('due_at__isnull', False), ('ended_at', None), ('paused_at', None)), fields=['due_at'], name='standing_due'),
        ),
        migrations.AddIndex(
            model_name='standingorder',
            index=models.Index(fields=['buyer', '-created_at'], name='standing_by_buyer'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['buy', 'alert'])), name='standing_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'alert'), ('max_price_cents', None)), models.Q(('kind', 'buy'), ('max_price_cents__gte', 1), ('max_price_cents__isnull', False)), _connector='OR'), name='standing_order_says_what_it_pays'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'buy'), models.Q(('budget_cents', None), ('daily_cap', None), ('filled', 0), ('hourly_cap', None), ('total_cap', None), ('weekly_cap', None)), _connector='OR'), name='standing_search_buys_nothing'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('hourly_cap', 0), ('daily_cap', 0), ('weekly_cap', 0), ('total_cap', 0), ('budget_cents', 0), _connector='OR', _negated=True), name='standing_caps_are_positive'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('total_cap', None), ('filled__lte', models.F('total_cap')), _connector='OR'), name='standing_never_over_its_total'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('budget_cents', None), ('spent_cents__lte', models.F('budget_cents')), _connector='OR'), name='standing_never_over_its_budget'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('from_hour', None), ('to_hour', None)), models.Q(('from_hour__isnull', False), ('from_hour__lt', models.F('to_hour')), ('to_hour__isnull', False), ('to_hour__lte', 24)), _connector='OR'), name='standing_hours_are_a_part_of_the_day'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('weekdays__contained_by', [1, 2, 3, 4, 5, 6, 7]), ('weekdays__len__gte', 1)), name='standing_has_a_weekday'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('time_zone__in', ['America/New_York', 'America/Chicago', 'America/Denver', 'America/Phoenix', 'America/Los_Angeles', 'America/Anchorage', 'Pacific/Honolulu', 'America/Puerto_Rico'])), name='standing_time_zone_is_known'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('sort__in', ['newest', 'oldest', 'cheapest'])), name='standing_sort_is_known'),
        ),
        migrations.AddConstraint(
            model_name='standingorder',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at', None), ('due_at', None), _connector='OR'), name='standing_ended_is_never_due'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='standingorder',
            trigger=pgtrigger.compiler.Trigger(name='standing_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='d3b03d177ce9604a19061a2ce34c5d05956d147b', operation='DELETE', pgid='pgtrigger_standing_is_never_deleted_2aca1', table='buyers_standingorder', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='standingorder',
            trigger=pgtrigger.compiler.Trigger(name='standing_stays_what_it_is', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.ended_at IS NOT NULL OR OLD.buyer_id <> NEW.buyer_id OR OLD.vertical_id <> NEW.vertical_id OR OLD.kind <> NEW.kind OR OLD.public_id <> NEW.public_id)', func="RAISE EXCEPTION 'a standing order stays its company''s and of its kind, and ends once' USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_stays_what_it_is';", hash='cbe5915ab5f8109ee30ab82a5bda3aa023a25599', operation='UPDATE', pgid='pgtrigger_standing_stays_what_it_is_02c39', table='buyers_standingorder', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='standingorder',
            trigger=pgtrigger.compiler.Trigger(name='standing_counts_its_fills', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN ((OLD.filled <> NEW.filled OR OLD.spent_cents <> NEW.spent_cents) AND pg_trigger_depth() = 0)', func="RAISE EXCEPTION 'what a standing order bought is counted by its fills alone' USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_counts_its_fills';", hash='fe1073d0cbdfffdbf4816d5b8c201fbc0846d599', operation='UPDATE', pgid='pgtrigger_standing_counts_its_fills_f9934', table='buyers_standingorder', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='standingorder',
            trigger=pgtrigger.compiler.Trigger(name='standing_notes_its_change', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.criteria IS DISTINCT FROM NEW.criteria OR OLD.max_price_cents IS DISTINCT FROM NEW.max_price_cents OR OLD.exclusive <> NEW.exclusive OR OLD.paused_at IS DISTINCT FROM NEW.paused_at OR OLD.ended_at IS DISTINCT FROM NEW.ended_at)', func='NEW.changed_in := pg_current_xact_id(); RETURN NEW;', hash='81fb469955b797682d884ede76889ddb201c26a2', operation='UPDATE', pgid='pgtrigger_standing_notes_its_change_a5998', table='buyers_standingorder', when='BEFORE')),
        ),
    ]
